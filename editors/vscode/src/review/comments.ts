/** The findings as comments: beside the code, and in the Comments panel. */
import * as vscode from 'vscode'
import type { Finding } from '../protocol'
import { fenced } from '../values'
import { severityWord } from '../words'
import { rangeOf, type Findings } from './findings'

const CONTROLLER = 'qwen-lsp.review'

export class FindingComments implements vscode.Disposable {
  private readonly controller = vscode.comments.createCommentController(CONTROLLER, vscode.l10n.t('Qwen review'))
  private readonly threads = new Map<vscode.CommentThread, Finding>()
  private readonly subscription: vscode.Disposable

  constructor(private readonly findings: Findings) {
    this.subscription = findings.onChange(() => this.follow())
  }

  findingOf(thread: vscode.CommentThread): Finding | undefined {
    return this.threads.get(thread)
  }

  dispose(): void {
    this.subscription.dispose()
    this.controller.dispose()
  }

  private follow(): void {
    const wanted = new Set(this.findings.all)
    for (const [thread, finding] of this.threads) {
      if (wanted.delete(finding)) continue
      thread.dispose()
      this.threads.delete(thread)
    }
    for (const finding of wanted) this.threads.set(this.thread(finding), finding)
  }

  private thread(finding: Finding): vscode.CommentThread {
    const comment: vscode.Comment = {
      author: { name: 'Qwen' },
      body: body(finding),
      mode: vscode.CommentMode.Preview,
      label: severityWord(finding.severity),
    }
    const thread = this.controller.createCommentThread(vscode.Uri.parse(finding.uri), rangeOf(finding), [comment])
    thread.canReply = false
    thread.label = finding.rule
    thread.contextValue = finding.fix ? 'fixable' : 'plain'
    thread.collapsibleState = vscode.CommentThreadCollapsibleState.Collapsed
    return thread
  }
}

/** What the model wrote is shown as text with code in it: nothing in it can become a link or a command. */
function body(finding: Finding): vscode.MarkdownString {
  const text = new vscode.MarkdownString()
  for (const paragraph of [finding.message, finding.scenario]) {
    if (!paragraph) continue
    // Every second piece between single back quotes is code.
    for (const [n, piece] of paragraph.split('`').entries())
      if (n % 2 && piece) text.appendMarkdown(`\`${piece}\``)
      else text.appendText(piece)
    text.appendMarkdown('\n\n')
  }
  if (finding.fix) text.appendMarkdown(fenced(finding.fix.lines ?? finding.fix.newText, 'suggestion'))
  return text
}
