/** The button of the Source Control view: a commit message for what is staged goes into its input box. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import { COMMIT_MESSAGE } from './protocol'

interface Repository {
  rootUri: vscode.Uri
  inputBox: { value: string }
}

interface Git {
  getAPI(version: 1): { repositories: Repository[]; getRepository(uri: vscode.Uri): Repository | null }
}

/** Write the message; `subject` is what the button belongs to: the source control of one repository. */
export async function writeCommitMessage(connection: Connection, subject: unknown): Promise<void> {
  const extension = vscode.extensions.getExtension<Git>('vscode.git')
  if (!extension) throw new Error(vscode.l10n.t('The Git extension of VS Code is switched off.'))
  const git = (await extension.activate()).getAPI(1)
  const root = (subject as Repository | undefined)?.rootUri ?? vscode.window.activeTextEditor?.document.uri
  const repository = (root && git.getRepository(root)) ?? git.repositories[0]
  if (!repository) throw new Error(vscode.l10n.t('No Git repository is open.'))
  const argument = { uri: repository.rootUri.toString() }
  const answer = await connection.execute<{ message: string }>(COMMIT_MESSAGE, argument)
  if (answer?.message) repository.inputBox.value = answer.message
}
