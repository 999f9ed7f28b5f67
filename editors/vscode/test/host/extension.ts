/**
 * A second extension, which tests ours from inside the extension host by VS Code's own interface. Each
 * command writes a JSON report into this extension's global storage; the tour that gave it waits for the file.
 */
import * as vscode from 'vscode'
import { tests, testsOfFolders } from './tests'

export const OURS = 'qwen-lsp.qwen-lsp'
/** A language feature of VS Code's own that starts in every window, too, and calls a program. */
const GIT = 'vscode.git'

export function activate(context: vscode.ExtensionContext): void {
  const write = async (name: string, report: unknown) => {
    const folder = context.globalStorageUri
    await vscode.workspace.fs.createDirectory(folder)
    const [draft, whole] = [`${name}.part`, `${name}.json`].map((file) => vscode.Uri.joinPath(folder, file))
    await vscode.workspace.fs.writeFile(draft, Buffer.from(JSON.stringify(report)))
    await vscode.workspace.fs.rename(draft, whole, { overwrite: true })
  }
  context.subscriptions.push(
    vscode.commands.registerCommand('qwen-lsp-test.run', async () => write('tests', await runAll(tests))),
    vscode.commands.registerCommand('qwen-lsp-test.folders', async () => write('folders', await runAll(testsOfFolders))),
    vscode.commands.registerCommand('qwen-lsp-test.startup', async () => write('startup', await startup())),
  )
}

async function runAll(all: typeof tests): Promise<{ name: string; error: string }[]> {
  const report = []
  for (const [name, test] of Object.entries(all)) {
    const error = await test().then(
      () => '',
      (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
    )
    report.push({ name, error })
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor')
  }
  return report
}

interface Steps {
  load: number
  call: number
}

/** Read the rows of ours and of Git in "Developer: Startup Performance". Units: milliseconds. */
async function startup(): Promise<{ ours: Steps; git: Steps }> {
  await vscode.commands.executeCommand('perfview.show')
  for (;;) {
    const document = vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'perf')
    const rows = (document?.getText() ?? '').split('\n').filter((line) => line.startsWith('|'))
    const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()))
    const head = cells.find((row) => row[1] === 'Extension' && row.includes('Call Activate'))
    const [ours, git] = [OURS, GIT].map((id) => cells.find((row) => row[1] === id))
    if (head && ours && git) {
      const steps = (row: string[]): Steps => {
        const value = (step: string) => Number(row[head.indexOf(step)])
        return { load: value('Load Code'), call: value('Call Activate') }
      }
      return { ours: steps(ours), git: steps(git) }
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
