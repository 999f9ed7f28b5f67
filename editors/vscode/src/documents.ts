/** Read-only documents that live in memory, under the scheme `qwen-lsp`. */
import * as vscode from 'vscode'

export const SCHEME = 'qwen-lsp'

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>()
  private readonly changed = new vscode.EventEmitter<vscode.Uri>()
  readonly onDidChange = this.changed.event
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this)

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? ''
  }

  /** Set the text of a path; open editors follow. */
  put(path: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: SCHEME, path })
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
   * VS Code's preview sets its page only after the first rendering, and drops that rendering where the text has
   * changed meanwhile: the page then stays empty whatever comes. The first rendering of a window loads its
   * engine, which takes seconds; so that is done before.
   */
  async preview(path: string, markdown: string, isBeside = false): Promise<void> {
    const uri = this.put(path, markdown)
    await vscode.commands.executeCommand('markdown.api.render', markdown)
    await vscode.commands.executeCommand(isBeside ? 'markdown.showPreviewToSide' : 'markdown.showPreview', uri)
  }

  /** Render the whole page of each Markdown preview again: nothing that was written is missing then. */
  async refreshPreviews(): Promise<void> {
    await vscode.commands.executeCommand('markdown.preview.refresh')
  }

  dispose(): void {
    this.registration.dispose()
    this.changed.dispose()
  }
}
