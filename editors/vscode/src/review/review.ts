/**
 * Review: asks the server for findings, shows them as comments and as a tree, accepts and dismisses them.
 * The squiggles come from the server itself, and what it takes away goes everywhere. What a finding is
 * worth is the server's business.
 */
import * as vscode from 'vscode'
import type { Connection } from '../connection'
import { DISMISS, FORGET_REVIEW, REVIEW, type Finding, type Review } from '../protocol'
import { FindingComments } from './comments'
import { markdown } from './export'
import { Findings } from './findings'
import { FindingTree } from './tree'
import { severityWord } from '../words'

const SOURCE = 'qwen-lsp'

export class Reviews implements vscode.Disposable {
  private readonly findings = new Findings()
  private readonly comments = new FindingComments(this.findings)
  private readonly tree = new FindingTree(this.findings)
  private readonly subscription = vscode.languages.onDidChangeDiagnostics(({ uris }) => this.follow(uris))

  constructor(private readonly connection: Connection) {}

  dispose(): void {
    vscode.Disposable.from(this.subscription, this.comments, this.tree, this.findings).dispose()
  }

  /** Review the folder of a Source Control button, else that of the active file, else the one the user names. */
  async workspace(subject: unknown): Promise<void> {
    const root = (subject as vscode.SourceControl | undefined)?.rootUri
    const active = vscode.window.activeTextEditor?.document.uri
    const folders = vscode.workspace.workspaceFolders ?? []
    const folder =
      (active && vscode.workspace.getWorkspaceFolder(active)) ??
      (folders.length > 1 && !root ? await vscode.window.showWorkspaceFolderPick() : folders[0])
    if (!root && !folder && folders.length > 1) return
    await this.run({ scope: 'workspace', uri: (root ?? folder?.uri)?.toString() })
  }

  async file(): Promise<void> {
    const uri = vscode.window.activeTextEditor?.document.uri
    if (uri) await this.run({ scope: 'file', uri: uri.toString() })
  }

  /** Apply a finding's fix as the server gives it now, if it still fits the text. */
  async accept(subject: unknown): Promise<void> {
    const finding = this.subject(subject)
    if (!finding) return
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(finding.uri))
    const diagnostic = vscode.languages
      .getDiagnostics(document.uri)
      .find((found) => fingerprint(found) === finding.fingerprint)
    const offered = diagnostic ? await this.connection.fixes(document, diagnostic) : []
    const edit = offered.find((action) => action.edit)?.edit
    if (!edit || !(await vscode.workspace.applyEdit(edit)))
      void vscode.window.showWarningMessage(
        vscode.l10n.t('The text has changed since the review; review it again.'),
      )
  }

  async dismiss(subject: unknown): Promise<void> {
    const finding = this.subject(subject)
    if (finding) await this.connection.execute(DISMISS, { fingerprint: finding.fingerprint, uri: finding.uri })
  }

  async dismissRule(subject: unknown): Promise<void> {
    const finding = this.subject(subject)
    if (finding) await this.connection.execute(DISMISS, { rule: finding.rule, uri: finding.uri })
  }

  async clear(): Promise<void> {
    await this.connection.execute(FORGET_REVIEW, {})
    this.findings.set([], '')
  }

  async export(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri
    const target = await vscode.window.showSaveDialog({
      defaultUri: folder && vscode.Uri.joinPath(folder, 'review.md'),
      filters: { Markdown: ['md'], JSON: ['json'] },
    })
    if (!target) return
    const { all, summary } = this.findings
    const text = target.path.endsWith('.json')
      ? JSON.stringify(all, null, 2) + '\n'
      : markdown(all, summary, { title: vscode.l10n.t('Review'), line: vscode.l10n.t('line'), severity: severityWord })
    await vscode.workspace.fs.writeFile(target, Buffer.from(text))
  }

  private async run(scope: { scope: string; uri?: string }): Promise<void> {
    const busy = (is: boolean) => vscode.commands.executeCommand('setContext', 'qwen-lsp.isReviewing', is)
    const progress = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Reviewing'),
      cancellable: true,
    }
    await busy(true)
    try {
      const review = await vscode.window.withProgress(progress, (_, token) =>
        this.connection.execute<Review>(REVIEW, scope, token),
      )
      // The server has reported what failed.
      if (!review || review.status === 'failed') return
      this.findings.set(review.findings, review.summary)
      if (!review.findings.length)
        void vscode.window.showInformationMessage(review.summary)
      else await this.tree.show()
    } catch (error) {
      if (!(error instanceof vscode.CancellationError))
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error))
    } finally {
      await busy(false)
    }
  }

  /** Forget what the server no longer shows: it was fixed, edited or dismissed. */
  private follow(uris: readonly vscode.Uri[]): void {
    for (const uri of uris) {
      const shown = new Set(vscode.languages.getDiagnostics(uri).map(fingerprint))
      this.findings.remove((one) => vscode.Uri.parse(one.uri).toString() === uri.toString() && !shown.has(one.fingerprint))
    }
  }

  /** Return the finding that a command is about: a comment thread's, or a node's of the tree. */
  private subject(subject: unknown): Finding | undefined {
    const node = subject as { finding?: Finding } | undefined
    return node?.finding ?? this.comments.findingOf(subject as vscode.CommentThread)
  }
}

function fingerprint(diagnostic: vscode.Diagnostic): string | undefined {
  const data = (diagnostic as { data?: { fingerprint?: string } }).data
  return diagnostic.source === SOURCE ? data?.fingerprint : undefined
}
