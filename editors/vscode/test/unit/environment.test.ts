/** The private environment, with programs that stand for Python and uv: what is run, and what is left. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { EnvironmentProblem, current, earlier, make, markUsed, sweep, type Maker } from '../../src/server/environment'

let root: string
let lines: string[]
let maker: Maker

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(os.tmpdir(), 'qwen-environment-'))
  lines = []
  const wheel = path.join(root, 'qwen_lsp-0.1.0-py3-none-any.whl')
  await fs.writeFile(wheel, 'a wheel')
  maker = {
    storage: path.join(root, 'storage'),
    wheel,
    python: path.join(root, 'python'),
    env: { ...process.env, PATH: '/usr/bin:/bin' },
    log: (line) => lines.push(line),
  }
})

afterEach(() => fs.rm(root, { recursive: true, force: true }))

/** Write a program that says its version and otherwise runs a script. */
async function python(version: string, script: string): Promise<void> {
  const text = `#!/bin/sh\nif [ "$1" = --version ]; then echo "Python ${version}"; exit; fi\n${script}\n`
  await fs.writeFile(maker.python, text, { mode: 0o755 })
}

/** A Python whose environments hold a pip that does as the script says. */
const makes = (pip: string) =>
  `if [ "$2" = venv ]; then mkdir -p "$3/bin" && printf '#!/bin/sh\\n${pip}\\n' > "$3/bin/python" && chmod +x "$3/bin/python"; fi`

async function problem(): Promise<EnvironmentProblem> {
  const error = await make(maker).then(
    () => assert.fail('it was made'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof EnvironmentProblem, String(error))
  return error
}

test('an environment is made, found again, and takes the place of an earlier one', async () => {
  await python('3.11.7', makes('exit 0'))
  const first = await make(maker)
  assert.deepEqual(await current(maker.storage, maker.wheel), first)
  assert.deepEqual(first.args, ['-P', '-m', 'qwen_lsp'])

  await fs.writeFile(maker.wheel, 'a newer wheel')
  assert.equal(await current(maker.storage, maker.wheel), undefined)
  assert.deepEqual(await earlier(maker.storage), first)
  const second = await make(maker)
  assert.notEqual(second.path, first.path)
  assert.deepEqual(await current(maker.storage, maker.wheel), second)

  // The old one may be running in another window: it stays until nobody has used it for a week.
  await markUsed(maker.storage, first)
  await sweep(maker.storage, maker.wheel)
  await fs.access(first.path)
  await sweep(maker.storage, maker.wheel, Date.now() + 8 * 24 * 3600 * 1000)
  await assert.rejects(fs.access(first.path))
  await fs.access(second.path)
})

test('two windows make it once', async () => {
  await python('3.11.7', makes('echo installing; sleep 1; exit 0'))
  let waited = 0
  const window = { ...maker, waiting: () => void (waited += 1) }
  const [first, second] = await Promise.all([make(window), make(window)])
  assert.deepEqual(first, second)
  assert.equal(lines.filter((line) => line === 'installing').length, 1)
  assert.equal(waited, 1)
  assert.ok(!(await fs.readdir(maker.storage)).includes('install.lock'))
})

test('the lock of a window that is gone is broken', async () => {
  await python('3.11.7', makes('exit 0'))
  const lock = path.join(maker.storage, 'install.lock')
  await fs.mkdir(lock, { recursive: true })
  const long = new Date(Date.now() - 3600_000)
  await fs.utimes(lock, long, long)
  await make(maker)
})

test('a cancelled installation leaves nothing and is no failure', async () => {
  await python('3.11.7', makes('exec sleep 30')) // the program itself: what outlives it would be waited for
  const abort = new AbortController()
  maker.signal = abort.signal
  setTimeout(() => abort.abort(), 500)
  assert.equal((await problem()).kind, 'cancelled')
  assert.deepEqual(await fs.readdir(maker.storage), [])
})

const SAID: [string, string][] = [
  ['proxy', 'WARNING: Retrying after connection broken by ProxyError(Cannot connect to proxy.)'],
  ['offline', 'NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution'],
  ['no-space', 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device'],
  ['failed', 'ERROR: something else'],
]
for (const [kind, said] of SAID)
  test(`what pip says is understood: ${kind}`, async () => {
    await python('3.11.7', makes(`echo "${said}" >&2; echo "ERROR: no luck" >&2; exit 1`))
    assert.equal((await problem()).kind, kind)
    assert.deepEqual(await fs.readdir(maker.storage), [])
  })

test('uv makes it where it is installed', async () => {
  await python('3.11.7', 'if [ "$1" = -c ]; then echo "$0"; fi')
  const says = `if [ "$1" = --version ]; then echo "uv 0.8.0"; exit; fi\necho "uv $*"\n`
  const makes = `if [ "$1" = venv ]; then mkdir -p "$5/bin" && touch "$5/bin/python"; fi\n`
  await fs.mkdir(path.join(root, 'bin'))
  await fs.writeFile(path.join(root, 'bin', 'uv'), `#!/bin/sh\n${says}${makes}`, { mode: 0o755 })
  maker.env = { ...process.env, PATH: `${path.join(root, 'bin')}:/usr/bin:/bin` }
  const { path: made } = await make(maker)
  const folder = path.dirname(path.dirname(made))
  const ran = lines.filter((line) => line.startsWith('uv '))
  assert.deepEqual(ran, [
    `uv venv --seed --python ${maker.python} ${folder}`,
    `uv pip install --python ${made} ${maker.wheel}`,
  ])
})

test('a Python that is too old is named', async () => {
  await python('3.10.9', 'exit 1')
  const { kind, detail } = await problem()
  assert.equal(kind, 'no-python')
  assert.match(detail, /python 3\.10/)
})

test('no Python at all is reported', async () => {
  assert.equal((await problem()).kind, 'no-python')
})

test('a Python without venv is reported', async () => {
  await python('3.11.7', 'exit 1')
  assert.equal((await problem()).kind, 'no-venv')
})

test('a failed installation leaves nothing, tells its last line and logs every one', async () => {
  await python('3.11.7', makes('echo collecting; echo no network >&2; exit 1'))
  const { kind, detail } = await problem()
  assert.equal(kind, 'failed')
  assert.equal(detail, 'no network')
  assert.ok(lines.includes('collecting'))
  assert.deepEqual(await fs.readdir(maker.storage), [])
})
