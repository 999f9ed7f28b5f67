/** The menu behind the status bar item. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import type { Pause } from './pause'
import { REVIEW } from './protocol'
import { remediesOf } from './remedies'
import { messageOf } from './status'
import { adviceWithoutButton } from './values'

interface Entry extends vscode.QuickPickItem {
  command?: string
}

export async function showMenu(connection: Connection, pause: Pause): Promise<void> {
  const { condition } = connection
  const picked = await vscode.window.showQuickPick(entries(connection, pause), {
    title: `Qwen LSP — ${messageOf(condition)}`,
    placeHolder: typeof condition === 'string' ? undefined : adviceWithoutButton(condition.remedy) || condition.model || undefined,
  })
  if (picked?.command) await vscode.commands.executeCommand(picked.command)
}

function entries(connection: Connection, pause: Pause): Entry[] {
  const t = vscode.l10n.t
  const entry = (icon: string, label: string, command: string): Entry => ({
    label: `$(${icon}) ${label}`,
    command: `qwen-lsp.${command}`,
  })
  const line = (label: string): Entry => ({ label, kind: vscode.QuickPickItemKind.Separator })
  const document = vscode.window.activeTextEditor?.document
  const extent = pause.extent(document)
  const list: Entry[] = []
  if (connection.needsServer) list.push(entry('cloud-download', t('Set up: server and model'), 'setUp'))
  for (const remedy of remediesOf(connection.condition)) list.push(entry(remedy.icon, remedy.title, remedy.command))
  list.push(line(t('Suggestions')))
  if (extent !== 'everything' && document) {
    const name = document.languageId
    if (extent !== 'language')
      list.push(
        extent === 'file'
          ? entry('play', t('Resume in this file'), 'pauseFile')
          : entry('debug-pause', t('Pause in this file'), 'pauseFile'),
      )
    if (extent !== 'file')
      list.push(
        extent === 'language'
          ? entry('play', t('Resume in {0}', name), 'pauseLanguage')
          : entry('debug-pause', t('Pause in {0}', name), 'pauseLanguage'),
      )
  }
  list.push(
    extent === 'everything'
      ? entry('play', t('Resume everywhere'), 'pauseEverything')
      : entry('debug-pause', t('Pause everywhere'), 'pauseEverything'),
  )
  list.push(
    pause.isSnoozed ? entry('play', t('End the snooze'), 'snooze') : entry('bell-slash', t('Snooze…'), 'snooze'),
  )
  if (connection.isRunning) {
    list.push(
      entry('question', t('Explain the last suggestion'), 'explainLast'),
      entry('note', t('Show the exact last prompt'), 'showLastPrompt'),
    )
    if (connection.can(REVIEW)) list.push(line(t('Review')), entry('checklist', t('Review changes'), 'reviewChanges'))
    list.push(
      line(t('Server')),
      entry('database', t('Select the model'), 'selectModel'),
      entry('graph', t('Show statistics'), 'showStatistics'),
    )
  }
  if (connection.hasServer)
    list.push(
      entry('heart', t('Check everything (doctor)'), 'runDoctor'),
      entry('chip', t('Use the graphics card'), 'useGraphicsCard'),
    )
  list.push(
    entry('refresh', t('Restart the server'), 'restart'),
    entry('output', t('Show the log'), 'showLog'),
    entry('gear', t('Open the settings'), 'openSettings'),
  )
  return list
}
