/**
 * Which server runs: the setting, else `qwen-lsp` on PATH, else the extension's own environment, which
 * is made only after a yes. Nothing here comes from a workspace: the settings are of scope `machine`.
 */
import * as path from 'node:path'
import * as vscode from 'vscode'
import { SECTION } from '../settings'
import { OLDEST_PYTHON, EnvironmentProblem, bundledWheel, current, earlier, make } from './environment'
import { run, type Program } from './program'

const LOG_FILE = 'install.log'

export interface Found {
  program: Program | undefined
  /** The extension's own environment is missing, or of an earlier version of it. */
  canInstall: boolean
}

/** Look for a server; starts nothing and asks nothing. */
export async function locate(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<Found> {
  const chosen = vscode.workspace.getConfiguration(SECTION).get('server.path', '').trim()
  if (chosen) return { program: { path: chosen, args: [] }, canInstall: false }
  const onPath = { path: 'qwen-lsp', args: [] }
  // The working directory is the extension's own, so that no workspace can put a program in the way.
  const ran = await run(onPath, ['--version'], { cwd: context.extensionPath }).catch(() => undefined)
  if (ran?.code === 0) {
    log.info(`on PATH: ${ran.stdout.trim()}`)
    return { program: onPath, canInstall: false }
  }
  const wheel = await bundledWheel(path.join(context.extensionPath, 'server'))
  const storage = context.globalStorageUri.fsPath
  const own = wheel && (await current(storage, wheel))
  if (own) return { program: own, canInstall: false }
  return { program: await earlier(storage), canInstall: wheel !== undefined }
}

/** Ask; make the environment; say what went wrong and what to do. */
export async function offerInstallation(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  isUpdate = false,
): Promise<Program | undefined> {
  const wheel = await bundledWheel(path.join(context.extensionPath, 'server'))
  if (!wheel) {
    void vscode.window.showErrorMessage(
      vscode.l10n.t('This build of the extension has no server in it. Install one: pip install qwen-lsp'),
    )
    return undefined
  }
  const install = isUpdate ? vscode.l10n.t('Update') : vscode.l10n.t('Install')
  const settings = vscode.l10n.t('Use My Own…')
  const question = isUpdate
    ? vscode.l10n.t(
        'The extension has a new server. Update its Python environment? Packages are downloaded from your package registry.',
      )
    : vscode.l10n.t(
        'Qwen LSP needs its server. Make a Python environment for it? Packages (about 150 MB) are downloaded from your package registry.',
      )
  const answer = await vscode.window.showInformationMessage(question, install, settings)
  if (answer === settings) void vscode.commands.executeCommand('workbench.action.openSettings', 'qwenLsp.server')
  if (answer !== install) return undefined
  return makeEnvironment(context, log, wheel)
}

async function makeEnvironment(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  wheel: string,
): Promise<Program | undefined> {
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
        signal: abort.signal,
        log: (line) => {
          lines.push(line)
          log.info(line)
          report.report({ message: line.trim().slice(0, 60) })
        },
      })
    })
  } catch (error) {
    lines.push(String(error))
    void tell(error, log)
    return undefined
  } finally {
    const file = vscode.Uri.joinPath(storage, LOG_FILE)
    await vscode.workspace.fs.writeFile(file, Buffer.from(lines.join('\n') + '\n'))
  }
}

async function tell(error: unknown, log: vscode.LogOutputChannel): Promise<void> {
  log.error(String(error))
  const showLog = vscode.l10n.t('Show Log')
  const answer = await vscode.window.showErrorMessage(sentence(error), showLog)
  if (answer === showLog) log.show()
}

function sentence(error: unknown): string {
  const wanted = OLDEST_PYTHON.join('.')
  const problem = error instanceof EnvironmentProblem ? error : undefined
  switch (problem?.kind) {
    case 'no-python':
      return vscode.l10n.t(
        'No Python {0} or newer was found ({1}). Install one from python.org or your package manager, or name one in the setting qwenLsp.server.python.',
        wanted,
        problem.detail || '-',
      )
    case 'no-venv':
      return vscode.l10n.t(
        '{0} cannot make environments. On Debian and Ubuntu: sudo apt install python3-venv',
        problem.detail,
      )
    default:
      return vscode.l10n.t('The server could not be installed: {0}', problem?.detail ?? String(error))
  }
}
