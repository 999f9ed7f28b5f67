/** Tells the server what was copied: it may be wanted where the cursor goes next. In memory only, there as here. */
import * as vscode from 'vscode'
import { DOCUMENTS, type Connection } from './connection'
import { DID_COPY } from './protocol'

const MAX_CHARACTERS = 20_000

/** The part of VS Code's interface for pasting (1.97) that is needed; older ones do not have it. */
interface PasteApi {
  registerDocumentPasteEditProvider?: (
    selector: vscode.DocumentSelector,
    provider: { prepareDocumentPaste(document: vscode.TextDocument, ranges: readonly vscode.Range[]): void },
    metadata: { copyMimeTypes: string[]; providedPasteEditKinds: unknown[] },
  ) => vscode.Disposable
}

export function watchCopies(connection: Connection): vscode.Disposable {
  const api = vscode.languages as unknown as PasteApi
  const provider = {
    prepareDocumentPaste(document: vscode.TextDocument, ranges: readonly vscode.Range[]): void {
      const text = ranges.map((range) => document.getText(range)).join('\n')
      if (text.trim() && text.length <= MAX_CHARACTERS)
        connection.notify(DID_COPY, { textDocument: { uri: document.uri.toString() }, text })
    },
  }
  const registered = api.registerDocumentPasteEditProvider?.(DOCUMENTS, provider, {
    copyMimeTypes: ['text/plain'],
    providedPasteEditKinds: [],
  })
  return registered ?? new vscode.Disposable(() => undefined)
}
