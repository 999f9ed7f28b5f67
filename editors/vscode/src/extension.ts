/**
 * The extension: puts the parts together and names the commands. Activation only builds them; the
 * server starts beside it.
 */
import * as vscode from 'vscode'
import type { Middleware } from 'vscode-languageclient'
import { Actions } from './actions'
import { writeCommitMessage } from './commit_message'
import { Connection } from './connection'
import { watchCopies } from './copies'
import { runDoctor } from './doctor'
import { Documents } from './documents'
import { useServer } from './endpoints'
import { explainLast, lastRecord, showLastPrompt } from './explain'
import { useGraphicsCard } from './graphics'
import { showMenu } from './menu'
import { selectModel } from './models'
import { Pause } from './pause'
import { PARTIAL, STREAM } from './protocol'
import { Reviews } from './review/review'
import { SECTION } from './settings'
import { Setup } from './setup'
import { showStatistics } from './statistics'
import { StatusItem } from './status'
import { Suggestions } from './suggestions'

let active: Connection | undefined

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Qwen LSP', { log: true })
  const middleware = (): Middleware => ({
    provideInlineCompletionItems: suggestions.provide,
    provideCodeActions: actions.offer,
  })
  const connection = new Connection(context, log, middleware, [PARTIAL, STREAM])
  active = connection
  const setup = new Setup(context, connection)
  const pause = new Pause(context.workspaceState)
  const documents = new Documents()
  const suggestions = new Suggestions(connection, pause, context.extension.id)
  const actions = new Actions(connection, documents)
  const reviews = new Reviews(connection)
  const status = new StatusItem(connection, pause)
  suggestions.onAnswer(async ({ document, isEmpty }) => {
    const record = isEmpty ? await lastRecord(connection, document.uri).catch(() => undefined) : undefined
    status.explain(record?.summary ?? '')
  })

  const here = () => vscode.window.activeTextEditor?.document
  const commands: { [name: string]: (argument?: unknown) => unknown } = {
    menu: () => showMenu(connection, pause),
    pauseFile: () => pause.toggle('file', here()),
    pauseLanguage: () => pause.toggle('language', here()),
    pauseEverything: () => pause.toggle('everything', here()),
    explainLast: () => explainLast(connection, documents),
    showLastPrompt: () => showLastPrompt(connection, documents),
    selectModel: () => selectModel(connection),
    useServer: () => useServer(connection),
    showStatistics: () => showStatistics(connection, documents),
    restart: () => connection.restart(),
    showLog: () => log.show(),
    openSettings: () => vscode.commands.executeCommand('workbench.action.openSettings', `@ext:${context.extension.id}`),
    setUp: () => setup.run(),
    snooze: () => pause.askSnooze(),
    useGraphicsCard: () => useGraphicsCard(context, connection),
    runDoctor: () => runDoctor(connection, documents),
    editByInstruction: () => actions.editByInstruction(),
    acceptPreview: () => actions.accept(),
    discardPreview: () => actions.discard(),
    reviewChanges: (subject) => reviews.workspace(subject),
    reviewFile: () => reviews.file(),
    exportReview: () => reviews.export(),
    clearReview: () => reviews.clear(),
    commitMessage: (subject) => writeCommitMessage(connection, subject),
    acceptSuggestion: (subject) => reviews.accept(subject),
    dismissFinding: (subject) => reviews.dismiss(subject),
    dismissRule: (subject) => reviews.dismissRule(subject),
  }
  const registered = Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`qwen-lsp.${name}`, async (argument?: unknown) => {
      try {
        await run(argument)
      } catch (error) {
        log.error(String(error))
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error))
      }
    }),
  )
  const watched = vscode.workspace.onDidChangeConfiguration((event) => {
    const isForItsStart = ['server', 'endpoint'].some((part) => event.affectsConfiguration(`${SECTION}.${part}`))
    if (isForItsStart) void connection.restart()
  })
  const trusted = vscode.workspace.onDidGrantWorkspaceTrust(() => void connection.restart())
  // In this order they are disposed of: who writes to the log goes before it.
  context.subscriptions.push(
    watchCopies(connection),
    suggestions,
    actions,
    reviews,
    status,
    pause,
    documents,
    watched,
    trusted,
    ...registered,
    connection,
    log,
  )
  void connection.start().then(() => setup.offer()).catch((error: unknown) => log.error(String(error)))
}

export function deactivate(): Promise<void> | undefined {
  return active?.close()
}
