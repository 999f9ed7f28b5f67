/**
 * Review: asks the server for findings, shows them as comments and as a tree (the squiggles come from
 * the server itself), accepts and dismisses them. What a finding is worth is the server's business.
 */
import * as vscode from 'vscode'
import type { Connection } from '../connection'
import { DISMISS, REVIEW, type Finding, type Review } from '../protocol'
import { FindingComments } from './comments'
import { markdown } from './export'
import { Findings, rangeOf } from './findings'
import { FindingTree } from './tree'

const SOURCE = 'qwen-lsp'

export class Reviews implements vscode.Disposable {
  private readonly findings = new Findings()
  private readonly comments = new FindingComments(this.findings)
  private readonly tree = new FindingTree(this.findings)

  constructor(private readonly connection: Connection) {}

  dispose(): void {
    vscode.Disposable.from(this.comments, this.tree, this.findings).dispose()
  }

  async workspace(): Promise<void> {
    await this.run({ scope: 'workspace', uri: vscode.workspace.workspaceFolders?.[0]?.uri.toString() })
  }

  async file(): Promise<void> {
    const uri = vscode.window.activeTextEditor?.document.uri
    if (uri) await this.run({ scope: 'file', uri: uri.toString() })
  }

  /** Apply a finding's fix as the server gives it now, if it still fits the text. */
  async accept(subject: unknown): Promise<void> {
    const finding = this.subject(subject)
    if (!finding) return
    const uri = vscode.Uri.parse(finding.uri)
    await vscode.workspace.openTextDocument(uri)
    const offered = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      uri,
      rangeOf(finding),
      vscode.CodeActionKind.QuickFix.value,
      20,
    )
    const fix = offered.find(
      (action) => action.edit && action.diagnostics?.some((found) => fingerprint(found) === finding.fingerprint),
    )
    if (!fix?.edit || !(await vscode.workspace.applyEdit(fix.edit))) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t('The text has changed since the review; review it again.'),
      )
      return
    }
    this.findings.remove((other) => other === finding)
  }

  async dismiss(subject: unknown): Promise<void> {
    const finding = this.subject(subject)
    if (!finding) return
    await this.connection.execute(DISMISS, { fingerprint: finding.fingerprint, uri: finding.uri })
    this.findings.remove((other) => other.fingerprint === finding.fingerprint)
  }

  async dismissRule(subject: unknown): Promise<void> {
    const finding = this.subject(subject)
    if (!finding) return
    await this.connection.execute(DISMISS, { rule: finding.rule, uri: finding.uri })
    this.findings.remove((other) => other.rule === finding.rule)
  }

  clear(): void {
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
      : markdown(all, vscode.l10n.t('Review'), summary)
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
      if (!review) return
      this.findings.set(review.findings, review.summary)
      if (!review.findings.length)
        void vscode.window.showInformationMessage(review.summary || vscode.l10n.t('Nothing was found.'))
      else await vscode.commands.executeCommand('qwen-lsp.findings.focus')
    } catch (error) {
      if (!(error instanceof vscode.CancellationError))
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error))
    } finally {
      await busy(false)
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
