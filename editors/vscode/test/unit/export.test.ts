import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../../src/protocol'
import { markdown } from '../../src/review/export'

function finding(path: string, line: number, message: string): Finding {
  const at = { line, character: 0 }
  return {
    id: message,
    rule: 'off-by-one',
    severity: 'warning',
    confidence: 0.8,
    path,
    uri: `file:///${path}`,
    range: { start: at, end: at },
    message,
    fingerprint: message,
  }
}

test('findings are exported under the names of their files', () => {
  const text = markdown([finding('b.py', 4, 'late'), finding('a.py', 0, 'early')], 'Review', '2 findings')
  assert.ok(text.startsWith('# Review\n\n2 findings\n\n## a.py\n\n- **warning** `off-by-one`, line 1: early'))
  assert.ok(text.includes('## b.py\n\n- **warning** `off-by-one`, line 5: late'))
  assert.equal(text.match(/^## /gm)?.length, 2)
})
