/**
 * The engine inside the extension's own environment: another build of it takes its place, for a GPU that the
 * present one cannot use. A build that does not start is replaced by the earlier version. Knows nothing of the editor.
 */
import * as path from 'node:path'
import { failureOf } from './network'
import { run, type Program } from './program'
import { EnvironmentProblem } from './environment'

const PACKAGE = 'xllamacpp'
const VERSION = `import importlib.metadata; print(importlib.metadata.version('${PACKAGE}'))`
const STARTS = `import ${PACKAGE}; ${PACKAGE}.get_device_info()`

export interface Replacement {
  /** The server of the environment, whose first word is its Python. */
  program: Program
  indexUrl: string
  env: NodeJS.ProcessEnv
  log: (line: string) => void
  signal?: AbortSignal
}

/** Tell whether a server is one of the extension's own environments, which alone may be changed. */
export function isOwn(storage: string, program: Program | undefined): boolean {
  return program !== undefined && path.dirname(path.dirname(path.dirname(program.path))) === storage
}

/** Replace the engine. Rejects with EnvironmentProblem; the earlier engine is there again then. */
export async function replaceEngine(replacement: Replacement): Promise<void> {
  const earlier = (await python(replacement, ['-c', VERSION]).catch(() => '')).trim()
  try {
    await install(replacement, ['--index-url', replacement.indexUrl, PACKAGE])
    await python(replacement, ['-c', STARTS])
  } catch (error) {
    // pip puts back what it could not replace; an engine that does not start is replaced by us, cancelled or not.
    const starts = await python({ ...replacement, signal: undefined }, ['-c', STARTS]).then(() => true, () => false)
    if (!starts && earlier) await install({ ...replacement, signal: undefined }, [`${PACKAGE}==${earlier}`])
    if (replacement.signal?.aborted) throw new EnvironmentProblem('cancelled', '')
    throw error
  }
}

function install(replacement: Replacement, what: string[]): Promise<string> {
  const flags = ['--disable-pip-version-check', '--no-input', '--force-reinstall', '--no-deps']
  return python(replacement, ['-m', 'pip', 'install', ...flags, ...what])
}

async function python({ program, env, log, signal }: Replacement, args: string[]): Promise<string> {
  log(`> ${[program.path, ...args].join(' ')}`)
  const lines: string[] = []
  const onLine = (line: string) => {
    log(line)
    if (line.trim()) lines.push(line.trim())
  }
  const ran = await run({ path: program.path, args: ['-P'] }, args, { env, onLine, signal }).catch((error: Error) => {
    throw new EnvironmentProblem('failed', error.message)
  })
  if (ran.code !== 0) throw new EnvironmentProblem(failureOf(lines) ?? 'failed', lines.pop() ?? '')
  return ran.stdout
}
