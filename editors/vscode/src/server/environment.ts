/**
 * The extension's own Python environment: made from the wheel in the .vsix, in the extension's global
 * storage, by uv where it is, else by `python -m venv` and pip. A new environment takes the place of
 * the old one only when it is complete, and its folder is named after the wheel, so an upgraded
 * extension finds none of its own and asks again. Knows nothing of the editor.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { pythonVersion } from '../values'
import { output, run, type Program } from './program'

export const OLDEST_PYTHON: [number, number] = [3, 10]

const READY = '.ready'
const PREFIX = 'server-'

/** Why no environment can be made; the editor has a sentence for each. */
export class EnvironmentProblem extends Error {
  constructor(
    readonly kind: 'no-python' | 'no-venv' | 'failed',
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
  log: (line: string) => void
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

/** Make the environment. Rejects with EnvironmentProblem; an unfinished one is left nowhere. */
export async function make(maker: Maker): Promise<Program> {
  const name = await folderName(maker.wheel)
  const folder = path.join(maker.storage, name)
  await fs.rm(folder, { recursive: true, force: true })
  await fs.mkdir(maker.storage, { recursive: true })
  try {
    const python = await findPython(maker)
    const uv = await findUv(maker)
    await (uv ? makeWithUv(uv, python, folder, maker) : makeWithVenv(python, folder, maker))
    await fs.writeFile(path.join(folder, READY), path.basename(maker.wheel))
  } catch (error) {
    await fs.rm(folder, { recursive: true, force: true })
    throw error
  }
  for (const old of await folders(maker.storage)) {
    if (old !== name) await fs.rm(path.join(maker.storage, old), { recursive: true, force: true })
  }
  return serverIn(folder)
}

async function makeWithUv(uv: Program, python: Program, folder: string, maker: Maker): Promise<void> {
  const exact = (await output(python, ['-c', 'import sys; print(sys.executable)'])).trim()
  await step(uv, ['venv', '--python', exact, folder], maker)
  await step(uv, ['pip', 'install', '--python', programIn(folder, 'python'), maker.wheel], maker)
}

async function makeWithVenv(python: Program, folder: string, maker: Maker): Promise<void> {
  const hasVenv = await run(python, ['-c', 'import venv, ensurepip']).then((ran) => ran.code === 0)
  if (!hasVenv) throw new EnvironmentProblem('no-venv', python.path)
  await step(python, ['-m', 'venv', folder], maker)
  const pip = { path: programIn(folder, 'python'), args: ['-m', 'pip'] }
  await step(pip, ['install', '--disable-pip-version-check', '--no-input', maker.wheel], maker)
}

async function step(program: Program, args: string[], maker: Maker): Promise<void> {
  maker.log(`> ${[program.path, ...program.args, ...args].join(' ')}`)
  let last = ''
  const onLine = (line: string) => {
    maker.log(line)
    if (line.trim()) last = line.trim()
  }
  const ran = await run(program, args, { onLine, signal: maker.signal }).catch((error: Error) => {
    throw new EnvironmentProblem('failed', error.message)
  })
  if (ran.code !== 0) throw new EnvironmentProblem('failed', last)
}

/** Return a Python that is new enough. */
async function findPython(maker: Maker): Promise<Program> {
  const names: Program[] = maker.python
    ? [{ path: maker.python, args: [] }]
    : process.platform === 'win32'
      ? [{ path: 'py', args: ['-3'] }, { path: 'python', args: [] }]
      : ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11'].map(
          (path) => ({ path, args: [] }),
        )
  const seen: string[] = []
  for (const program of names) {
    const ran = await run(program, ['--version'], { signal: maker.signal }).catch(() => undefined)
    const version = ran && pythonVersion(ran.stdout + ran.stderr)
    if (!version) continue
    maker.log(`${program.path}: Python ${version.join('.')}`)
    seen.push(`${program.path} ${version.join('.')}`)
    const [major, minor] = version
    if (major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) return program
  }
  throw new EnvironmentProblem('no-python', seen.join(', ') || maker.python)
}

async function findUv(maker: Maker): Promise<Program | undefined> {
  const uv = { path: 'uv', args: [] }
  const ran = await run(uv, ['--version'], { signal: maker.signal }).catch(() => undefined)
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

async function complete(folder: string): Promise<Program | undefined> {
  const isReady = await fs.access(path.join(folder, READY)).then(
    () => true,
    () => false,
  )
  return isReady ? serverIn(folder) : undefined
}

function serverIn(folder: string): Program {
  return { path: programIn(folder, 'python'), args: ['-m', 'qwen_lsp'] }
}

function programIn(folder: string, name: string): string {
  return process.platform === 'win32'
    ? path.join(folder, 'Scripts', `${name}.exe`)
    : path.join(folder, 'bin', name)
}
