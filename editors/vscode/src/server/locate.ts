/**
 * Which server runs: the setting, else `qwen-lsp` of this version on PATH, else the extension's own
 * environment. Nothing here comes from a workspace: the settings are of scope `machine`.
 */
import * as path from 'node:path'
import * as vscode from 'vscode'
import { SECTION } from '../settings'
import { serverVersion } from '../values'
import { OLDEST_PYTHON, EnvironmentProblem, bundledWheel, current, earlier, make, sweep } from './environment'
import { withNetwork } from './network'
import { run, type Program } from './program'

const LOG_FILE = 'install.log'

export interface Found {
  program: Program | undefined
  /** The extension's own environment is missing, or of an earlier version of it. */
  canInstall: boolean
  /** What was on PATH and is not used, because it is of another version; "" where there was none. */
  passedOver: string
}

/** Return the environment of every program that we start: VS Code's proxy and certificates are in it. */
export function environment(): NodeJS.ProcessEnv {
  const http = vscode.workspace.getConfiguration('http')
  return withNetwork(process.env, {
    proxy: http.get('proxySupport') === 'off' ? '' : http.get('proxy', '').trim(),
    strictSSL: http.get('proxyStrictSSL', true),
    noProxy: http.get<string[]>('noProxy', []),
  })
}

/** Look for a server; starts nothing and asks nothing. */
export async function locate(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<Found> {
  const chosen = vscode.workspace.getConfiguration(SECTION).get('server.path', '').trim()
  if (chosen) return { program: { path: chosen, args: [] }, canInstall: false, passedOver: '' }
  const onPath = { path: 'qwen-lsp', args: [] }
  // The working directory is the extension's own, so that no workspace can put a program in the way.
  const ran = await run(onPath, ['--version'], { cwd: context.extensionPath }).catch(() => undefined)
  const version = ran?.code === 0 ? serverVersion(ran.stdout) : ''
  const wanted = (context.extension.packageJSON as { version: string }).version
  if (version === wanted) {
    log.info(`on PATH: qwen-lsp ${version}`)
    return { program: onPath, canInstall: false, passedOver: '' }
  }
  if (version) log.warn(`qwen-lsp ${version} on PATH is not used: this extension needs ${wanted}`)
  const wheel = await bundledWheel(path.join(context.extensionPath, 'server'))
  const storage = context.globalStorageUri.fsPath
  const own = wheel && (await current(storage, wheel))
  if (own) {
    void sweep(storage, wheel)
    return { program: own, canInstall: false, passedOver: version }
  }
  return { program: await earlier(storage), canInstall: wheel !== undefined, passedOver: version }
}

/** Make the environment, with progress and cancel; say what went wrong and offer what helps. */
export async function install(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<Program | undefined> {
  const wheel = await bundledWheel(path.join(context.extensionPath, 'server'))
  if (!wheel) {
    const settings = vscode.l10n.t('Use My Own…')
    const answer = await vscode.window.showErrorMessage(
      vscode.l10n.t('This build of the extension has no server in it. Name one in the setting qwenLsp.server.path.'),
      settings,
    )
    if (answer) void openSettings('qwenLsp.server')
    return undefined
  }
  const storage = context.globalStorageUri
  const lines: string[] = []
  const progress = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Installing the Qwen LSP server'),
    cancellable: true,
  }
  try {
    return await vscode.window.withProgress(progress, (report, token) => {
      const abort = new AbortController()
      token.onCancellationRequested(() => abort.abort())
      return make({
        storage: storage.fsPath,
        wheel,
        python: vscode.workspace.getConfiguration(SECTION).get('server.python', '').trim(),
        env: environment(),
        signal: abort.signal,
        waiting: () => report.report({ message: vscode.l10n.t('another window is installing it') }),
        log: (line) => {
          lines.push(line)
          log.info(line)
          report.report({ message: line.trim().slice(0, 60) })
        },
      })
    })
  } catch (error) {
    lines.push(String(error))
    if (await explain(error, log)) return install(context, log)
    return undefined
  } finally {
    const file = vscode.Uri.joinPath(storage, LOG_FILE)
    await Promise.resolve(vscode.workspace.fs.writeFile(file, Buffer.from(lines.join('\n') + '\n'))).catch(
      (error: unknown) => log.warn(String(error)),
    )
  }
}

/** Say what went wrong, with a button for each remedy; return whether to try again. */
export async function explain(error: unknown, log: vscode.LogOutputChannel, what: 'server' | 'engine' = 'server'): Promise<boolean> {
  log.error(String(error))
  const problem = error instanceof EnvironmentProblem ? error : new EnvironmentProblem('failed', String(error))
  if (problem.kind === 'cancelled') return false
  const again = vscode.l10n.t('Try Again')
  const showLog = vscode.l10n.t('Show Log')
  const remedies: { [title: string]: () => unknown } = { [showLog]: () => log.show() }
  if (problem.kind === 'no-python') {
    remedies[vscode.l10n.t('Get Python')] = () => vscode.env.openExternal(vscode.Uri.parse('https://www.python.org/downloads/'))
    remedies[vscode.l10n.t('Name a Python…')] = () => openSettings('qwenLsp.server.python')
  }
  if (problem.kind === 'proxy' || problem.kind === 'offline')
    remedies[vscode.l10n.t('Proxy Settings')] = () => openSettings('http.proxy')
  const answer = await vscode.window.showErrorMessage(sentence(problem, what), again, ...Object.keys(remedies))
  if (answer && answer !== again) void remedies[answer]()
  return answer === again
}

export function openSettings(query: string): Thenable<unknown> {
  return vscode.commands.executeCommand('workbench.action.openSettings', query)
}

function sentence(problem: EnvironmentProblem, what: 'server' | 'engine'): string {
  const { detail } = problem
  switch (problem.kind) {
    case 'no-python':
      return vscode.l10n.t(
        'No Python {0} or newer was found ({1}). Install one, or name one in the setting qwenLsp.server.python.',
        OLDEST_PYTHON.join('.'),
        detail || '-',
      )
    case 'no-venv':
      return vscode.l10n.t(
        '{0} cannot create environments. On Debian and Ubuntu: sudo apt install python3-venv',
        detail,
      )
    case 'no-space':
      if (what === 'engine') return vscode.l10n.t('The disk is full. The earlier engine is still there.')
      return vscode.l10n.t('The disk is full. The server needs about 600 MB; nothing was left behind.')
    case 'proxy':
      return vscode.l10n.t('The proxy does not let the package registry through: {0}', detail)
    case 'offline':
      return vscode.l10n.t('The package registry cannot be reached: {0}', detail)
    default:
      if (what === 'engine') return vscode.l10n.t('The engine was not replaced; the earlier one is still there: {0}', detail)
      return vscode.l10n.t('Installing the server failed: {0}', detail)
  }
}
