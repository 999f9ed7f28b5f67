/** Another engine in the extension's own environment, with a program that stands for its Python. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { isOwn, replaceEngine, type Replacement } from '../../src/server/engine'
import { EnvironmentProblem } from '../../src/server/environment'

let root: string
let lines: string[]
let replacement: Replacement

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(os.tmpdir(), 'qwen-engine-'))
  lines = []
  await fs.writeFile(path.join(root, 'installed'), '0.2.1')
  replacement = {
    program: { path: path.join(root, 'python'), args: ['-P', '-m', 'qwen_lsp'] },
    indexUrl: 'https://example.org/cu128',
    env: { ...process.env, HERE: root },
    log: (line) => lines.push(line),
  }
})

afterEach(() => fs.rm(root, { recursive: true, force: true }))

/** A Python whose pip installs what comes last in its arguments, or does as a script says for the index. */
async function python(index: string, starts = 'grep -q "" "$HERE/installed"'): Promise<void> {
  const text = `#!/bin/sh
case "$*" in
  *importlib.metadata*) cat "$HERE/installed"; exit;;
  *get_device_info*) ${starts}; exit;;
  *--index-url*) ${index};;
  *pip*) for what; do :; done; echo "$what" | sed 's/.*==//' > "$HERE/installed";;
esac
`
  await fs.writeFile(replacement.program.path, text, { mode: 0o755 })
}

const installed = async () => (await fs.readFile(path.join(root, 'installed'), 'utf8')).trim()

async function problem(): Promise<EnvironmentProblem> {
  const error = await replaceEngine(replacement).then(
    () => assert.fail('it was replaced'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof EnvironmentProblem, String(error))
  return error
}

test('the build for the card is installed from the index, without touching anything else', async () => {
  await python('echo cuda > "$HERE/installed"')
  await replaceEngine(replacement)
  assert.equal(await installed(), 'cuda')
  const [ran] = lines.filter((line) => line.includes('pip install'))
  assert.match(ran, /--force-reinstall --no-deps --index-url https:\/\/example\.org\/cu128 xllamacpp$/)
})

test('an engine that does not start is replaced by the earlier one', async () => {
  await python('echo broken > "$HERE/installed"', '! grep -q broken "$HERE/installed"')
  await problem()
  assert.equal(await installed(), '0.2.1')
})

test('where the index cannot be reached, nothing changes', async () => {
  await python('echo "Temporary failure in name resolution" >&2; exit 1')
  assert.equal((await problem()).kind, 'offline')
  assert.equal(await installed(), '0.2.1')
  assert.equal(lines.filter((line) => line.includes('pip install')).length, 1, 'what works is not installed again')
})

test('cancelling it leaves the earlier engine', async () => {
  await python('echo broken > "$HERE/installed"; exec sleep 30', '! grep -q broken "$HERE/installed"')
  const abort = new AbortController()
  replacement.signal = abort.signal
  const log = replacement.log
  // When pip is at work, and not before.
  replacement.log = (line) => {
    log(line)
    if (line.includes('--index-url')) setTimeout(() => abort.abort(), 500)
  }
  assert.equal((await problem()).kind, 'cancelled')
  assert.equal(await installed(), '0.2.1')
})

test('only environments of the extension are changed', () => {
  const program = (place: string) => ({ path: place, args: [] })
  assert.ok(isOwn('/home/me/storage', program('/home/me/storage/server-12/bin/python')))
  assert.ok(!isOwn('/home/me/storage', program('/home/me/.venvs/qwen/bin/python')))
  assert.ok(!isOwn('/home/me/storage', undefined))
})
