/** A graphics card that the installed engine cannot use: one button replaces the engine by a build that can. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import { SECTION } from './settings'
import { isOwn, replaceEngine } from './server/engine'
import { environment, explain } from './server/locate'

/** What `qwen-lsp models recommend --json` says of a better engine. */
export interface Engine {
  gpu: { name: string }
  build: string
  indexUrl: string
  command: string
  model: { name: string; title: string }
}

const DECLINED = 'graphics.declined'

/** Ask once for each card, when the model is chosen; never again after a no. Returns whether the engine was replaced. */
export async function offerEngine(context: vscode.ExtensionContext, connection: Connection, engine: Engine | null): Promise<boolean> {
  if (!engine || context.globalState.get(DECLINED) === engine.gpu.name) return false
  return ask(context, connection, engine)
}

/** Look for such a card because the user asked. */
export async function useGraphicsCard(context: vscode.ExtensionContext, connection: Connection): Promise<void> {
  const found = JSON.parse(await connection.ask(['models', 'recommend', '--json', '--no-measure'])) as { engine: Engine | null }
  if (found.engine) return void (await ask(context, connection, found.engine))
  void vscode.window.showInformationMessage(vscode.l10n.t('This machine has no graphics card that the engine cannot use already.'))
}

async function ask(context: vscode.ExtensionContext, connection: Connection, engine: Engine): Promise<boolean> {
  const { gpu, model } = engine
  if (!isOwn(context.globalStorageUri.fsPath, connection.server)) {
    const copy = vscode.l10n.t('Copy the Command')
    const sentence = vscode.l10n.t('{0} is not used: the installed engine cannot. Its environment is not managed by this extension; the command is: {1}', gpu.name, engine.command)
    if ((await vscode.window.showInformationMessage(sentence, copy)) === copy) await vscode.env.clipboard.writeText(engine.command)
    return false
  }
  const own = vscode.workspace.getConfiguration(SECTION).get('server.engineIndex', '').trim()
  const indexUrl = own || engine.indexUrl
  const [yes, no] = [vscode.l10n.t('Replace the Engine'), vscode.l10n.t('Not Now')]
  const answer = await vscode.window.showInformationMessage(
    vscode.l10n.t('{0} is not used: the installed engine cannot. Replace it by a build that can, from {1}? {2} would suit this machine then.', gpu.name, indexUrl, model.title),
    yes,
    no,
  )
  if (answer === no) await context.globalState.update(DECLINED, gpu.name)
  return answer === yes && replace(context, connection, indexUrl)
}

async function replace(context: vscode.ExtensionContext, connection: Connection, indexUrl: string): Promise<boolean> {
  const progress = { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Replacing the engine'), cancellable: true }
  const work = (program: NonNullable<Connection['server']>) =>
    vscode.window.withProgress(progress, async (report, token) => {
      const abort = new AbortController()
      token.onCancellationRequested(() => abort.abort())
      // Files that a running engine has open cannot be replaced everywhere.
      await connection.call(['engine', 'stop']).catch((error: unknown) => connection.log.warn(String(error)))
      const log = (line: string) => {
        connection.log.info(line)
        report.report({ message: line.trim().slice(0, 60) })
      }
      await replaceEngine({ program, indexUrl, env: environment(), log, signal: abort.signal })
    })
  try {
    await connection.whileStopped(work)
  } catch (error) {
    return (await explain(error, connection.log, 'engine')) && replace(context, connection, indexUrl)
  }
  void vscode.window.showInformationMessage(vscode.l10n.t('The engine is replaced.'))
  return true
}
