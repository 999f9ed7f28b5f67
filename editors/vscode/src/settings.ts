/**
 * The settings that go to the server: only those that somebody has set, so that the server's own
 * settings file keeps its say in all others. VS Code itself leaves out what an untrusted workspace
 * sets, and what is of scope `machine` never comes from a workspace.
 */
import * as vscode from 'vscode'
import { nested, type Values } from './values'

export const SECTION = 'qwenLsp'

/** These steer the extension; the server does not know them. */
const OURS = ['server.', 'editor.']

/** The server takes these from its user only: they go on its command line. VS Code takes them from no workspace. */
const USERS = 'endpoint.'

/** Return what is set, as the server's JSON Schema nests it. */
export function serverSettings(extension: vscode.Extension<unknown>): Values {
  return nested(chosen(extension, (name) => !name.startsWith(USERS)))
}

/** Return the user's own settings as options of the server's command line. */
export function userOptions(extension: vscode.Extension<unknown>): string[] {
  const set = chosen(extension, (name) => name.startsWith(USERS))
  return Object.entries(set).map(([name, value]) => `--set=${name}=${JSON.stringify(value)}`)
}

function chosen(extension: vscode.Extension<unknown>, isWanted: (name: string) => boolean): Values {
  const configuration = vscode.workspace.getConfiguration(SECTION)
  const set: Values = {}
  for (const name of serverSettingNames(extension).filter(isWanted)) {
    const found = configuration.inspect(name)
    const isSet =
      found?.globalValue !== undefined ||
      found?.workspaceValue !== undefined ||
      found?.workspaceFolderValue !== undefined
    if (isSet) set[name] = configuration.get(name)
  }
  return set
}

function serverSettingNames(extension: vscode.Extension<unknown>): string[] {
  const groups = (extension.packageJSON as Manifest).contributes.configuration
  return groups
    .flatMap((group) => Object.keys(group.properties))
    .map((key) => key.slice(SECTION.length + 1))
    .filter((name) => !OURS.some((prefix) => name.startsWith(prefix)))
}

interface Manifest {
  contributes: { configuration: { properties: { [key: string]: unknown } }[] }
}
