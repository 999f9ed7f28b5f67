/** What our extension does in every kind of editor, seen from the extension host. */
import assert from 'node:assert/strict'
import * as vscode from 'vscode'
import { Documents } from '../../src/documents'

const CALL = 'def add(left, right):\n    return left + right\n\n\ntotal = '
const SUGGESTED = 'add(left, right)'
const PATIENCE_MS = 60_000

async function until<T>(what: string, holds: () => T | Thenable<T>): Promise<NonNullable<T>> {
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const found = await holds()
    if (found) return found
    if (Date.now() > end) throw new Error(`in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Return a folder of the workspace, whose file a slow machine may still be reading. */
async function folder(name: string): Promise<vscode.Uri> {
  const found = await until(`${name} is open`, () =>
    vscode.workspace.workspaceFolders?.find((folder) => folder.name === name),
  )
  return found.uri
}

/** Write a file into the first folder of the window. */
async function write(name: string, text: string): Promise<vscode.Uri> {
  const first = await until('a folder is open', () => vscode.workspace.workspaceFolders?.[0])
  const file = vscode.Uri.joinPath(first.uri, name)
  await vscode.workspace.fs.writeFile(file, Buffer.from(text))
  return file
}

/** Ask for a suggestion at the end of the focused editor, accept it, and return the text then. */
async function completed(document: vscode.TextDocument): Promise<string> {
  const before = document.getText()
  const editor = await until('the editor is active', () => {
    const active = vscode.window.activeTextEditor
    return active?.document.uri.toString() === document.uri.toString() ? active : undefined
  })
  const end = document.positionAt(before.length)
  editor.selection = new vscode.Selection(end, end)
  await until('a suggestion is accepted', async () => {
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger')
    for (let n = 0; n < 20 && document.getText() === before; n++) {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.commit')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return document.getText() !== before
  })
  return document.getText()
}

async function titles(uri: vscode.Uri, range: vscode.Range): Promise<string[]> {
  const found = await vscode.commands.executeCommand<(vscode.CodeAction | vscode.Command)[]>(
    'vscode.executeCodeActionProvider',
    uri,
    range,
  )
  return found.map((action) => action.title)
}

const FIRST = new vscode.Range(0, 4, 0, 4)

/** Changes a text right after VS Code has asked for it to open its document. */
class Changing extends Documents {
  override provideTextDocumentContent(uri: vscode.Uri): string {
    const text = super.provideTextDocumentContent(uri)
    if (text === 'a part') queueMicrotask(() => this.put(uri.path, 'the whole'))
    return text
  }
}

export const tests: { [name: string]: () => Promise<void> } = {
  'a text that changes while its document is being opened gets there': async () => {
    const documents = new Changing('qwen-lsp-test')
    try {
      const uri = documents.put('/growing.md', 'a part')
      const document = await vscode.workspace.openTextDocument(uri)
      await documents.follow(uri)
      assert.equal(document.getText(), 'the whole')
    } finally {
      documents.dispose()
    }
  },

  'the extension is active and has every command it declares': async () => {
    const ours = vscode.extensions.getExtension('qwen-lsp.qwen-lsp')
    assert.equal(ours?.isActive, true)
    const { contributes } = ours.packageJSON as { contributes: { commands: { command: string }[] } }
    const there = new Set(await vscode.commands.getCommands(true))
    assert.deepEqual(contributes.commands.filter(({ command }) => !there.has(command)), [])
    await until('the server is there', async () => (await vscode.commands.getCommands(true)).includes('qwenLsp.explain'))
  },

  'an untitled text is served': async () => {
    const document = await vscode.workspace.openTextDocument({ language: 'python', content: CALL })
    await vscode.window.showTextDocument(document)
    assert.equal(await completed(document), `${CALL}${SUGGESTED}`)
  },

  'a cell of a notebook is served': async () => {
    const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, CALL, 'python')
    const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', new vscode.NotebookData([cell]))
    await vscode.window.showNotebookDocument(notebook)
    await vscode.commands.executeCommand('notebook.cell.edit')
    const { document } = notebook.cellAt(0)
    assert.ok((await titles(document.uri, FIRST)).includes('Simplify'))
    assert.equal(await completed(document), `${CALL}${SUGGESTED}`)
  },

  'the new side of a diff is served, and what is read-only is left alone': async () => {
    const [old, now] = await Promise.all([write('old.py', CALL.replace('left + right', 'left')), write('now.py', CALL)])
    await vscode.commands.executeCommand('vscode.diff', old, now, 'a diff')
    assert.equal(await completed(await vscode.workspace.openTextDocument(now)), `${CALL}${SUGGESTED}`)
    await vscode.commands.executeCommand('workbench.action.files.revert')
    const own = await vscode.workspace.openTextDocument(vscode.Uri.parse('qwen-lsp:/nothing.py'))
    assert.deepEqual(await titles(own.uri, FIRST), [])
  },

  'a large file is served': async () => {
    const filler = Array.from({ length: 60_000 }, (_, n) => `value_${n} = ${n}`).join('\n')
    const file = await write('large.py', `${filler}\n${CALL}`)
    const document = await vscode.workspace.openTextDocument(file)
    await vscode.window.showTextDocument(document)
    assert.ok((await completed(document)).endsWith(`${CALL}${SUGGESTED}`))
  },

  'settings reach the running server': async () => {
    const document = await vscode.workspace.openTextDocument({ language: 'python', content: CALL })
    const editor = await vscode.window.showTextDocument(document)
    const end = document.positionAt(CALL.length)
    editor.selection = new vscode.Selection(end, end)
    const configuration = vscode.workspace.getConfiguration('qwenLsp')
    const outcome = async () => {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.hide')
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger')
      const answer = await vscode.commands.executeCommand<{ outcome: string }>('qwenLsp.explain', document.uri.toString())
      return answer.outcome
    }
    await configuration.update('completion.enabled', false, vscode.ConfigurationTarget.Global)
    await until('it is off', async () => (await outcome()) === 'off')
    await configuration.update('completion.enabled', undefined, vscode.ConfigurationTarget.Global)
    await until('it is on again', async () => (await outcome()) === 'shown')
  },
}

/** In a workspace of the folders `one` and `two`. */
export const testsOfFolders: { [name: string]: () => Promise<void> } = {
  'files of every folder of a workspace are served': async () => {
    for (const name of ['one', 'two']) {
      const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(await folder(name), 'sum.py'))
      await vscode.window.showTextDocument(document)
      assert.equal(await completed(document), `${CALL}${SUGGESTED}`)
      assert.ok((await titles(document.uri, FIRST)).includes('Simplify'))
      await vscode.commands.executeCommand('workbench.action.files.revert')
    }
  },

  'the folder that a Source Control button names is the one that is reviewed': async () => {
    await vscode.commands.executeCommand('qwen-lsp.reviewChanges', { rootUri: await folder('two') })
    const rules = vscode.languages.getDiagnostics().flatMap(([uri, found]) =>
      found.filter(({ source }) => source === 'qwen-lsp').map(({ code }) => {
        const { value } = code as { value: string }
        return `${vscode.workspace.asRelativePath(uri)}: ${value}`
      }),
    )
    assert.deepEqual(rules, ['two/late.py: code-injection'])
    await vscode.commands.executeCommand('qwen-lsp.clearReview')
    await until('it is cleared', () => vscode.languages.getDiagnostics().every(([, found]) => !found.length))
  },
}
