/**
 * The extension's own Python environment: made from the wheel in the .vsix, in the extension's global
 * storage, by uv where it is, else by `python -m venv` and pip. Its folder is named after the wheel, so an
 * upgraded extension finds none of its own and asks again; the old one stays until no window has used it for
 * a week. One window makes it, the others wait. Knows nothing of the editor.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pythonVersion } from '../values'
import { failureOf } from './network'
import { output, run, type Program } from './program'

export const OLDEST_PYTHON: [number, number] = [3, 11]

const READY = '.ready'
const USED = '.used'
const PREFIX = 'server-'
const LOCK = 'install.lock'
/** A lock that nobody has renewed for so long is one of a window that is gone. */
const STALE_MS = 30_000
const RENEW_MS = 5_000
/** An environment that nobody has used for so long is deleted. */
const UNUSED_MS = 7 * 24 * 3600 * 1000

export type Kind = 'no-python' | 'no-venv' | 'proxy' | 'offline' | 'no-space' | 'cancelled' | 'failed'

/** Why no environment can be made; the editor has a sentence for each. */
export class EnvironmentProblem extends Error {
  constructor(
    readonly kind: Kind,
    readonly detail: string,
  ) {
    super(`${kind}: ${detail}`)
  }
}

export interface Maker {
  storage: string
  wheel: string
  /** The user's choice of Python; "" looks on PATH. */
  python: string
  env: NodeJS.ProcessEnv
  log: (line: string) => void
  /** Called when another window is making it already. */
  waiting?: () => void
  signal?: AbortSignal
}

/** Return the wheel in the extension. */
export async function bundledWheel(folder: string): Promise<string | undefined> {
  const names = await fs.readdir(folder).catch(() => [])
  const name = names.find((name) => name.endsWith('.whl'))
  return name && path.join(folder, name)
}

/** Return the server of the environment made from this wheel. */
export async function current(storage: string, wheel: string): Promise<Program | undefined> {
  return complete(path.join(storage, await folderName(wheel)))
}

/** Return the server of any complete environment: the one of the extension's last version. */
export async function earlier(storage: string): Promise<Program | undefined> {
  for (const name of await folders(storage)) {
    const program = await complete(path.join(storage, name))
    if (program) return program
  }
  return undefined
}

/** Note that a server of an environment is in use. A server from elsewhere has no folder of ours: nothing is noted. */
export async function markUsed(storage: string, program: Program): Promise<void> {
  const folder = path.dirname(path.dirname(program.path))
  if (path.dirname(folder) !== storage) return
  await fs.writeFile(path.join(folder, USED), '').catch(() => undefined)
}

/** Delete environments of earlier wheels that no window has used for a week. */
export async function sweep(storage: string, wheel: string, now = Date.now()): Promise<void> {
  const keep = await folderName(wheel)
  for (const name of await folders(storage)) {
    const folder = path.join(storage, name)
    const used = await newest(folder)
    if (name !== keep && now - used > UNUSED_MS) await fs.rm(folder, { recursive: true, force: true })
  }
}

/** Make the environment, or wait for the window that makes it. Rejects with EnvironmentProblem; leaves nothing unfinished. */
export async function make(maker: Maker): Promise<Program> {
  const folder = path.join(maker.storage, await folderName(maker.wheel))
  await fs.mkdir(maker.storage, { recursive: true })
  const release = await lock(maker)
  try {
    const made = await complete(folder)
    if (made) return made
    await fs.rm(folder, { recursive: true, force: true })
    await fill(folder, maker)
    await fs.writeFile(path.join(folder, READY), path.basename(maker.wheel))
    return serverIn(folder)
  } catch (error) {
    await fs.rm(folder, { recursive: true, force: true })
    if (maker.signal?.aborted) throw new EnvironmentProblem('cancelled', '')
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw new EnvironmentProblem('no-space', String(error))
    throw error
  } finally {
    await release()
  }
}

async function fill(folder: string, maker: Maker): Promise<void> {
  const uv = await findUv(maker)
  const python = await findPython(maker, uv !== undefined)
  await (uv ? makeWithUv(uv, python, folder, maker) : makeWithVenv(python!, folder, maker))
}

/** Take the lock; while another window has it, wait. Returns what gives it back. */
async function lock(maker: Maker): Promise<() => Promise<void>> {
  const place = path.join(maker.storage, LOCK)
  for (let isFirst = true; ; isFirst = false) {
    const taken = await fs.mkdir(place).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false
        throw error
      },
    )
    if (taken) break
    const age = await fs.stat(place).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0)
    if (age > STALE_MS) await fs.rm(place, { recursive: true, force: true })
    else {
      if (isFirst) maker.waiting?.()
      if (maker.signal?.aborted) throw new EnvironmentProblem('cancelled', '')
      await sleep(500)
    }
  }
  const renewal = setInterval(() => void fs.utimes(place, new Date(), new Date()).catch(() => undefined), RENEW_MS)
  return async () => {
    clearInterval(renewal)
    await fs.rm(place, { recursive: true, force: true })
  }
}

async function makeWithUv(uv: Program, python: Program | undefined, folder: string, maker: Maker): Promise<void> {
  const { env } = maker
  // Without a Python that is new enough, uv brings one.
  const exact = python
    ? (await output(python, ['-c', 'import sys; print(sys.executable)'], { env })).trim()
    : OLDEST_PYTHON.join('.')
  // With pip in it: the server's fallback for models and the command that replaces the engine use it.
  await step(uv, ['venv', '--seed', '--python', exact, folder], maker)
  await step(uv, ['pip', 'install', '--python', programIn(folder, 'python'), maker.wheel], maker)
}

async function makeWithVenv(python: Program, folder: string, maker: Maker): Promise<void> {
  const hasVenv = await run(python, ['-c', 'import venv, ensurepip'], { env: maker.env }).then((ran) => ran.code === 0)
  if (!hasVenv) throw new EnvironmentProblem('no-venv', python.path)
  await step(python, ['-m', 'venv', folder], maker)
  const pip = { path: programIn(folder, 'python'), args: ['-m', 'pip'] }
  await step(pip, ['install', '--disable-pip-version-check', '--no-input', maker.wheel], maker)
}

async function step(program: Program, args: string[], maker: Maker): Promise<void> {
  maker.log(`> ${[program.path, ...program.args, ...args].join(' ')}`)
  const lines: string[] = []
  const onLine = (line: string) => {
    maker.log(line)
    if (line.trim()) lines.push(line.trim())
  }
  const ran = await run(program, args, { onLine, env: maker.env, signal: maker.signal }).catch((error: Error) => {
    throw new EnvironmentProblem('failed', error.message)
  })
  if (ran.code !== 0) throw new EnvironmentProblem(failureOf(lines) ?? 'failed', lines.pop() ?? '')
}

/** Return a Python that is new enough; undefined where none is and none is needed. */
async function findPython(maker: Maker, isOptional: boolean): Promise<Program | undefined> {
  const newer = ['14', '13', '12', '11'].map((minor) => `python3.${minor}`)
  const names: Program[] = maker.python
    ? [{ path: maker.python, args: [] }]
    : process.platform === 'win32'
      ? [{ path: 'py', args: ['-3'] }, { path: 'python', args: [] }]
      : ['python3', 'python', ...newer].map((path) => ({ path, args: [] }))
  const seen: string[] = []
  for (const program of names) {
    const options = { env: maker.env, signal: maker.signal }
    const ran = await run(program, ['--version'], options).catch(() => undefined)
    const version = ran && pythonVersion(ran.stdout + ran.stderr)
    if (!version) continue
    maker.log(`${program.path}: Python ${version.join('.')}`)
    seen.push(`${program.path} ${version.join('.')}`)
    const [major, minor] = version
    if (major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) return program
  }
  if (isOptional && !maker.python) return undefined
  throw new EnvironmentProblem('no-python', seen.join(', ') || maker.python)
}

async function findUv(maker: Maker): Promise<Program | undefined> {
  const uv = { path: 'uv', args: [] }
  const ran = await run(uv, ['--version'], { env: maker.env, signal: maker.signal }).catch(() => undefined)
  return ran?.code === 0 ? uv : undefined
}

async function folderName(wheel: string): Promise<string> {
  const digest = createHash('sha256').update(await fs.readFile(wheel)).digest('hex')
  return `${PREFIX}${digest.slice(0, 12)}`
}

async function folders(storage: string): Promise<string[]> {
  const names = await fs.readdir(storage).catch(() => [])
  return names.filter((name) => name.startsWith(PREFIX))
}

async function newest(folder: string): Promise<number> {
  const times = [READY, USED].map((name) =>
    fs.stat(path.join(folder, name)).then(({ mtimeMs }) => mtimeMs, () => 0),
  )
  return Math.max(...(await Promise.all(times)))
}

async function complete(folder: string): Promise<Program | undefined> {
  const isReady = await fs.access(path.join(folder, READY)).then(
    () => true,
    () => false,
  )
  return isReady ? serverIn(folder) : undefined
}

function serverIn(folder: string): Program {
  return { path: programIn(folder, 'python'), args: ['-P', '-m', 'qwen_lsp'] }
}

function programIn(folder: string, name: string): string {
  return process.platform === 'win32'
    ? path.join(folder, 'Scripts', `${name}.exe`)
    : path.join(folder, 'bin', name)
}
