/** Read-only documents that live in memory, under the scheme `qwen-lsp`. */
import * as vscode from 'vscode'

export const SCHEME = 'qwen-lsp'
/** Longer than a Markdown preview waits before it renders a change: 300 ms in VS Code 1.139. */
const PREVIEW_PAUSE_MS = 500

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>()
  private readonly changed = new vscode.EventEmitter<vscode.Uri>()
  readonly onDidChange = this.changed.event
  private readonly registration: vscode.Disposable

  constructor(private readonly scheme = SCHEME) {
    this.registration = vscode.workspace.registerTextDocumentContentProvider(scheme, this)
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? ''
  }

  /** Set the text of a path; open editors follow. */
  put(path: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: this.scheme, path })
    this.texts.set(uri.path, text)
    this.changed.fire(uri)
    return uri
  }

  forget(uri: vscode.Uri): void {
    this.texts.delete(uri.path)
  }

  /** Show a text in an editor. */
  async show(path: string, text: string): Promise<void> {
    const document = await vscode.workspace.openTextDocument(this.put(path, text))
    await vscode.window.showTextDocument(document, { preview: true })
  }

  /**
   * Show Markdown as VS Code renders it.
   *
   * VS Code drops the first rendering of a preview where the text has changed meanwhile, and the page stays
   * empty. The first rendering in a window loads the renderer, which takes seconds: do that before.
   */
  async preview(path: string, markdown: string, isBeside = false): Promise<void> {
    const uri = this.put(path, markdown)
    await vscode.commands.executeCommand('markdown.api.render', markdown)
    await vscode.commands.executeCommand(isBeside ? 'markdown.showPreviewToSide' : 'markdown.showPreview', uri)
  }

  /** Render the previews once more when a text is whole: what came while a page was being loaded may be missing. */
  async refreshPreviews(path: string): Promise<void> {
    await this.follow(vscode.Uri.from({ scheme: this.scheme, path }))
    await new Promise((resolve) => setTimeout(resolve, PREVIEW_PAUSE_MS))
    await vscode.commands.executeCommand('markdown.preview.refresh')
  }

  /**
   * Wait until VS Code's own document has the text as it is now.
   *
   * VS Code passes over a change to a document that it is about to open, which then keeps the older text: the
   * change is announced again.
   */
  async follow(uri: vscode.Uri): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri)
    const isWhole = () => {
      const text = this.texts.get(uri.path)
      return text === undefined || document.isClosed || plain(document.getText()) === plain(text)
    }
    if (isWhole()) return
    await new Promise<void>((resolve) => {
      const check = () => {
        if (!isWhole()) return
        changes.dispose()
        closings.dispose()
        resolve()
      }
      const changes = vscode.workspace.onDidChangeTextDocument(check)
      const closings = vscode.workspace.onDidCloseTextDocument(check)
      this.changed.fire(uri)
    })
  }

  dispose(): void {
    this.registration.dispose()
    this.changed.dispose()
  }
}

function plain(text: string): string {
  return text.replaceAll('\r\n', '\n')
}
