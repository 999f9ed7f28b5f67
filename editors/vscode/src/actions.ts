/**
 * Code actions: shown as a streamed diff before anything changes. An action of the light bulb that the
 * model has yet to write opens the diff; accepting it applies the server's edit to the very version it
 * was made for, or not at all. An explanation is streamed into a Markdown preview instead.
 */
import * as vscode from 'vscode'
import type { Middleware } from 'vscode-languageclient'
import type { Connection } from './connection'
import { SCHEME, type Documents } from './documents'
import { ACTION, STREAM, type ActionAnswer, type ActionRequest, type ActionText } from './protocol'

export const PREVIEW_ACTION = 'qwen-lsp.previewAction'

const EDIT_KIND = 'edit'
const EXPLAIN_KIND = 'explain'

interface Preview {
  request: ActionRequest
  title: string
  document: vscode.TextDocument
  /** The document's text when the action was asked for. */
  before: string
  left: vscode.Uri
  right: vscode.Uri
  cancel: vscode.CancellationTokenSource
  opened?: Thenable<unknown>
  edit?: vscode.WorkspaceEdit
}

export class Actions implements vscode.Disposable {
  private preview: Preview | undefined
  private count = 0
  private readonly subscriptions: vscode.Disposable[]

  constructor(
    private readonly connection: Connection,
    private readonly documents: Documents,
  ) {
    this.subscriptions = [
      connection.on<ActionText>(STREAM, (text) => this.streamed(text)),
      vscode.commands.registerCommand(PREVIEW_ACTION, (request: ActionRequest, title: string) =>
        this.show(request, title),
      ),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (this.preview && closed.some((tab) => isDiffOf(tab, this.preview!.right))) this.forget()
      }),
    ]
  }

  /** Actions that the model has yet to write open the preview in place of changing the text at once. */
  readonly offer: NonNullable<Middleware['provideCodeActions']> = async (
    document,
    range,
    context,
    token,
    next,
  ) => {
    const offered = await next(document, range, context, token)
    if (!this.connection.can(ACTION)) return offered
    return offered?.map((action) => {
      const request = requestOf(action)
      if (!request || !(action instanceof vscode.CodeAction)) return action
      const shown = new vscode.CodeAction(action.title, action.kind)
      shown.isPreferred = action.isPreferred
      shown.diagnostics = action.diagnostics
      shown.command = { command: PREVIEW_ACTION, title: action.title, arguments: [request, action.title] }
      return shown
    })
  }

  async editByInstruction(): Promise<void> {
    const editor = vscode.window.activeTextEditor
    if (!editor) return
    const instruction = await vscode.window.showInputBox({
      title: vscode.l10n.t('Edit by instruction'),
      prompt: vscode.l10n.t('How should the selected code be changed?'),
    })
    if (!instruction) return
    const { document, selection } = editor
    const lines = new vscode.Range(
      selection.start.with({ character: 0 }),
      document.lineAt(selection.end.line).range.end,
    )
    const request: ActionRequest = {
      id: `vscode-${++this.count}`,
      kind: EDIT_KIND,
      uri: document.uri.toString(),
      version: document.version,
      range: { start: lines.start, end: lines.end },
      instruction,
    }
    await this.show(request, instruction)
  }

  /** Run an action while its diff is on the screen. */
  async show(request: ActionRequest, title: string): Promise<void> {
    this.forget()
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(request.uri))
    const preview = this.begin(request, title, document)
    const progress = { location: vscode.ProgressLocation.Window, title: `$(loading~spin) ${title}` }
    try {
      const answer = await vscode.window.withProgress(progress, () =>
        this.connection.execute<ActionAnswer>(ACTION, request, preview.cancel.token),
      )
      if (this.preview === preview) await this.finish(preview, answer)
    } catch (error) {
      if (this.preview !== preview) return
      await this.discard()
      if (!preview.cancel.token.isCancellationRequested)
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error))
    }
  }

  async accept(): Promise<void> {
    const preview = this.preview
    if (!preview?.edit) return
    const { document, edit, request } = preview
    preview.edit = undefined // a second yes while the first is carried out has nothing to do
    const isStale = document.isClosed || document.version !== request.version
    const isDone = !isStale && (await vscode.workspace.applyEdit(edit))
    await this.discard()
    if (isDone) await vscode.window.showTextDocument(targetOf(preview, edit))
    else if (isStale)
      void vscode.window.showWarningMessage(
        vscode.l10n.t('The text has changed since; ask for the change again.'),
      )
    else void vscode.window.showErrorMessage(vscode.l10n.t('The editor refused the change.'))
  }

  /** Close the diff; a model that is still writing stops. */
  async discard(): Promise<void> {
    await this.preview?.opened
    this.forget()
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs)
    const ours = tabs.filter((tab) => isDiffOf(tab))
    if (ours.length) await vscode.window.tabGroups.close(ours)
  }

  dispose(): void {
    this.forget()
    vscode.Disposable.from(...this.subscriptions).dispose()
  }

  private begin(request: ActionRequest, title: string, document: vscode.TextDocument): Preview {
    const name = `/${++this.count}/${document.uri.path.split('/').pop() ?? 'text'}`
    const before = document.getText()
    const preview: Preview = {
      request,
      title,
      document,
      before,
      left: this.documents.put(`/before${name}`, before),
      right: this.documents.put(`/after${name}`, before),
      cancel: new vscode.CancellationTokenSource(),
    }
    this.preview = preview
    this.isReady(false)
    return preview
  }

  private streamed(text: ActionText): void {
    const preview = this.preview
    if (!preview || text.id !== preview.request.id) return
    if (preview.request.kind === EXPLAIN_KIND) {
      if (text.text) void this.explain(preview, text.text)
      return
    }
    const { document, before } = preview
    const from = document.offsetAt(new vscode.Position(text.range.start.line, text.range.start.character))
    const to = document.offsetAt(new vscode.Position(text.range.end.line, text.range.end.character))
    if (document.version !== preview.request.version) return
    // What is not written yet is shown as it was, so that the diff grows from its beginning.
    const rest = text.done ? '' : remainder(before.slice(from, to), text.text)
    const isRefused = text.done && !text.text
    const now = isRefused ? before : before.slice(0, from) + text.text + rest + before.slice(to)
    this.documents.put(preview.right.path, now)
    void this.open(preview)
  }

  /** Show the diff, once: a second opening would close the first. */
  private async open(preview: Preview): Promise<void> {
    const { left, right } = preview
    const title = `${preview.title} — ${vscode.workspace.asRelativePath(preview.document.uri)}`
    preview.opened ??= vscode.commands.executeCommand('vscode.diff', left, right, title, { preview: false })
    await preview.opened
  }

  /** Show an explanation as far as it is written; VS Code follows the document by itself. */
  private async explain(preview: Preview, markdown: string): Promise<void> {
    const name = explanation()
    if (preview.opened) this.documents.put(name, markdown)
    else await (preview.opened = this.documents.preview(name, markdown, true))
  }

  private async finish(preview: Preview, answer: ActionAnswer | undefined): Promise<void> {
    if (answer?.markdown) {
      await this.explain(preview, answer.markdown)
      this.forget()
      await preview.opened
      await this.documents.refreshPreviews(explanation())
      return
    }
    const edit = answer?.edit && (await this.connection.converter?.asWorkspaceEdit(answer.edit))
    if (!edit) {
      await this.discard()
      void vscode.window.showWarningMessage(answer?.message ?? vscode.l10n.t('The model proposed no change.'))
      return
    }
    preview.edit = edit
    await this.showWhole(preview, edit)
    await this.open(preview)
    await Promise.all([preview.left, preview.right].map((side) => this.documents.follow(side)))
    if (this.preview === preview) this.isReady(true)
    if (answer.message) void vscode.window.showInformationMessage(answer.message)
  }

  /** Show what will be, in the file that changes: new tests go into another one. */
  private async showWhole(preview: Preview, edit: vscode.WorkspaceEdit): Promise<void> {
    const target = targetOf(preview, edit)
    const isOwn = target.toString() === preview.document.uri.toString()
    const opened = isOwn ? preview.document : await vscode.workspace.openTextDocument(target).then(undefined, () => undefined)
    if (!isOwn) this.documents.put(preview.left.path, opened?.getText() ?? '')
    this.documents.put(preview.right.path, applied(opened, edit.get(target)))
  }

  private forget(): void {
    const preview = this.preview
    this.preview = undefined
    if (!preview) return
    preview.cancel.cancel()
    this.documents.forget(preview.left)
    this.documents.forget(preview.right)
    this.isReady(false)
  }

  private isReady(ready: boolean): void {
    void vscode.commands.executeCommand('setContext', 'qwen-lsp.previewIsReady', ready)
  }
}

/** Return the path of the document that an explanation is written into. */
function explanation(): string {
  return `/${vscode.l10n.t('explanation')}.md`
}

/** Return what the model is to be asked: it waits in the action's data, or in its command where no edit will come. */
function requestOf(action: vscode.Command | vscode.CodeAction): ActionRequest | undefined {
  const { command, edit, data } = action as vscode.CodeAction & { data?: unknown }
  const [argument] = command?.command === ACTION ? (command.arguments as unknown[]) : [data]
  const request = argument as Partial<ActionRequest> | undefined
  const isOurs = request?.id && request.kind && request.uri && request.range && request.version !== undefined
  // What has an edit already, such as a quick fix of a finding, needs no model.
  return isOurs && !edit ? (request as ActionRequest) : undefined
}

/** Tell whether a tab shows a diff of ours, or that of a certain text. */
function isDiffOf(tab: vscode.Tab, right?: vscode.Uri): boolean {
  if (!(tab.input instanceof vscode.TabInputTextDiff)) return false
  const { scheme, path } = tab.input.modified
  return scheme === SCHEME && (!right || path === right.path)
}

/** Return the lines of the old text that the new text has not reached yet. */
function remainder(before: string, written: string): string {
  const lines = before.split('\n').slice(written.split('\n').length)
  return lines.length ? '\n' + lines.join('\n') : ''
}

/** Return the file that an edit changes: that of the action, where it has a part in it. */
function targetOf({ document }: Preview, edit: vscode.WorkspaceEdit): vscode.Uri {
  const [first] = edit.entries()
  return edit.has(document.uri) || !first ? document.uri : first[0]
}

/** Return the text of a document, or of a new one, with the edits in it. */
function applied(document: vscode.TextDocument | undefined, edits: vscode.TextEdit[]): string {
  const at = (position: vscode.Position) => document?.offsetAt(position) ?? 0
  return edits
    .map((one) => ({ from: at(one.range.start), to: at(one.range.end), text: one.newText }))
    .sort((a, b) => b.from - a.from)
    .reduce((text, one) => text.slice(0, one.from) + one.text + text.slice(one.to), document?.getText() ?? '')
}
