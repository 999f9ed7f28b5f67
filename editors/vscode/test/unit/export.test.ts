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
  const words = { title: 'Review', line: 'line', severity: (one: string) => one }
  const text = markdown([finding('b.py', 4, 'late'), finding('a.py', 0, 'early')], 'Findings: 2', words)
  assert.ok(text.startsWith('# Review\n\nFindings: 2\n\n## a.py\n\n- **warning** `off-by-one`, line 1: early'))
  assert.ok(text.includes('## b.py\n\n- **warning** `off-by-one`, line 5: late'))
  assert.equal(text.match(/^## /gm)?.length, 2)
})

test('an exported review is in the language of its reader', () => {
  const words = { title: '审查', line: '行', severity: () => '警告' }
  const text = markdown([finding('a.py', 0, '太晚')], '剩余结果：1', words)
  assert.equal(text, '# 审查\n\n剩余结果：1\n\n## a.py\n\n- **警告** `off-by-one`, 行 1: 太晚\n')
})
