/** Running programs: the server's command line, Python, uv. Knows nothing of the editor. */
import { spawn } from 'node:child_process'
import * as readline from 'node:readline'

/** A program with the arguments that always come first. */
export interface Program {
  path: string
  args: string[]
}

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** What it reads on its standard input; a secret goes this way, never into its arguments. */
  input?: string
  /** Called with each line of stdout and stderr. */
  onLine?: (line: string) => void
  /** Ends the program when it fires. */
  signal?: AbortSignal
}

/** Run to the end. Never rejects for an exit code; rejects when the program cannot be started. */
export function run(program: Program, args: string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(program.path, [...program.args, ...args], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    signal: options.signal,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
  child.stdin.on('error', () => {}) // it has ended without reading
  child.stdin.end(options.input ?? '')
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  if (options.onLine) {
    for (const stream of [child.stdout, child.stderr])
      readline.createInterface({ input: stream }).on('line', options.onLine)
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** Run, and tell what went wrong in one line. Rejects when the program fails. */
export async function output(program: Program, args: string[], options?: RunOptions): Promise<string> {
  const ran = await run(program, args, options)
  if (ran.code !== 0) throw new Error(lastLine(ran.stderr) || `${program.path} ended with ${ran.code}`)
  return ran.stdout
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').pop() ?? ''
}
