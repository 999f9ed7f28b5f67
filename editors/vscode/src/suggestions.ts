/**
 * Ghost text: what is asked and when it is asked again. The server decides every suggestion; this
 * module passes requests on, asks again while the server streams, tells it where the cursor has
 * settled, and notices words and lines that were accepted.
 */
import * as vscode from 'vscode'
import type { Middleware } from 'vscode-languageclient'
import { DOCUMENTS, type Connection } from './connection'
import type { Pause } from './pause'
import { DID_FOCUS, DID_PARTIALLY_ACCEPT, PARTIAL, type Partial } from './protocol'
import { acceptedPart } from './values'

/** Between two requests while the server streams: often enough to look alive, seldom enough to be cheap. */
const AGAIN_MS = 200
/** A cursor that has not moved for so long has settled. */
const SETTLED_MS = 300
/** What our own diagnostics are marked with; the server knows those. */
const SOURCE = 'qwen-lsp'

interface Shown {
  uri: string
  version: number
  offset: number
  text: string
  id: string
}

export class Suggestions implements vscode.Disposable {
  private shown: Shown | undefined
  private partial: Partial | undefined
  private isAskingAgain = false
  private canAskAgain = true
  private pending = 0
  private second: vscode.Disposable | undefined
  private again: NodeJS.Timeout | undefined
  private settled: NodeJS.Timeout | undefined
  private readonly subscriptions: vscode.Disposable[]
  private readonly answered = new vscode.EventEmitter<{ document: vscode.TextDocument; isEmpty: boolean }>()
  /** Fires after each answer to a request that was not overtaken. */
  readonly onAnswer = this.answered.event

  constructor(
    private readonly connection: Connection,
    private readonly pause: Pause,
    private readonly extensionId: string,
  ) {
    this.subscriptions = [
      connection.on<Partial>(PARTIAL, (partial) => this.streamed(partial)),
      vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
      vscode.window.onDidChangeTextEditorSelection((event) => this.moved(event.textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => this.moved(editor)),
    ]
  }

  readonly provide: NonNullable<Middleware['provideInlineCompletionItems']> = async (
    document,
    position,
    context,
    token,
    next,
  ) => {
    const automatic = vscode.InlineCompletionTriggerKind.Automatic
    const isAgain = this.isAskingAgain && this.isAt(this.partial, document, position)
    // A VS Code that takes it for a request by hand keeps the old suggestion in front: of no use.
    if (isAgain && context.triggerKind !== automatic) this.canAskAgain = false
    this.isAskingAgain = false
    const triggerKind = isAgain ? automatic : context.triggerKind
    if (triggerKind === automatic && this.pause.extent(document)) return []
    this.pending += 1
    let result
    try {
      result = await next(document, position, { ...context, triggerKind }, token)
    } finally {
      this.pending -= 1
    }
    if (token.isCancellationRequested) return result
    if (triggerKind !== automatic) this.renew()
    const items = Array.isArray(result) ? result : (result?.items ?? [])
    this.shown = shownOf(document, position, items[0])
    this.answered.fire({ document, isEmpty: items.length === 0 })
    return result
  }

  dispose(): void {
    this.second?.dispose()
    clearTimeout(this.again)
    clearTimeout(this.settled)
    this.answered.dispose()
    vscode.Disposable.from(...this.subscriptions).dispose()
  }

  /** More of an answer is written: ask again soon, if it is still wanted. */
  private streamed(partial: Partial): void {
    this.partial = partial
    this.again ??= setTimeout(() => {
      this.again = undefined
      this.askAgain(partial)
    }, AGAIN_MS)
  }

  private askAgain(seen: Partial): void {
    const editor = vscode.window.activeTextEditor
    const { partial, shown } = this
    if (!this.canAskAgain || !editor || !partial || !this.isAt(partial, editor.document, editor.selection.active)) return
    if (this.pending) return this.streamed(partial)
    if (!shown || shown.uri !== partial.uri || shown.version !== partial.version) return
    if (partial.text.trimEnd().length <= shown.text.length) return
    this.isAskingAgain = true
    this.renew()
    void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger', {
      explicit: false,
      providerId: `${this.extensionId}:*`,
    })
    // Nothing more may come, while the last words were still too fresh to be given.
    if (partial !== seen) this.streamed(partial)
  }

  /**
   * Make VS Code ask the next time too. It takes a request at the same place for answered, unless it is
   * for a provider that it has not asked there yet: a second one, which speaks only when we ask again.
   */
  private renew(): void {
    const before = this.second
    this.second = vscode.languages.registerInlineCompletionItemProvider(DOCUMENTS, {
      provideInlineCompletionItems: (document, position, context, token) =>
        this.isAskingAgain
          ? this.connection.suggestions(document)?.provideInlineCompletionItems(document, position, context, token)
          : [],
    })
    before?.dispose()
  }

  private isAt(
    partial: Partial | undefined,
    document: vscode.TextDocument,
    position: vscode.Position,
  ): boolean {
    return (
      partial !== undefined &&
      partial.uri === document.uri.toString() &&
      partial.version === document.version &&
      partial.position.line === position.line &&
      partial.position.character === position.character
    )
  }

  private changed(event: vscode.TextDocumentChangeEvent): void {
    const shown = this.shown
    const [change] = event.contentChanges
    if (!shown || !change || shown.uri !== event.document.uri.toString()) return
    const isAtIt =
      event.contentChanges.length === 1 && change.rangeLength === 0 && change.rangeOffset === shown.offset
    this.shown = undefined
    if (!isAtIt || !shown.text.startsWith(change.text)) return
    const characters = acceptedPart(shown.text, change.text)
    if (characters) this.connection.notify(DID_PARTIALLY_ACCEPT, { id: shown.id, characters })
    this.shown = {
      ...shown,
      version: event.document.version,
      offset: shown.offset + change.text.length,
      text: shown.text.slice(change.text.length),
    }
  }

  private moved(editor: vscode.TextEditor | undefined): void {
    clearTimeout(this.settled)
    if (!editor || !vscode.languages.match(DOCUMENTS, editor.document)) return
    const { document, selection } = editor
    const version = document.version
    this.settled = setTimeout(() => {
      if (document.isClosed || document.version !== version || this.pause.extent(document)) return
      const position = { line: selection.active.line, character: selection.active.character }
      const diagnostics = vscode.languages
        .getDiagnostics(document.uri)
        .filter(({ range, source }) => source !== SOURCE && range.start.line <= position.line && position.line <= range.end.line)
        .map(({ message }) => message)
      this.connection.notify(DID_FOCUS, { textDocument: { uri: document.uri.toString() }, position, diagnostics })
    }, SETTLED_MS)
  }
}

function shownOf(
  document: vscode.TextDocument,
  position: vscode.Position,
  item: vscode.InlineCompletionItem | undefined,
): Shown | undefined {
  if (!item) return undefined
  const text = typeof item.insertText === 'string' ? item.insertText : item.insertText.value
  const [id] = (item.command?.arguments ?? []) as unknown[]
  return {
    uri: document.uri.toString(),
    version: document.version,
    offset: document.offsetAt(position),
    text,
    id: typeof id === 'string' ? id : '',
  }
}
