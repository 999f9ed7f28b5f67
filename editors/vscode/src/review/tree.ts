/** The findings as a tree in the Source Control view: files, and in each its findings. */
import * as vscode from 'vscode'
import type { Finding } from '../protocol'
import { rangeOf, type Findings } from './findings'
import { severityWord } from '../words'

type Node = { file: vscode.Uri; findings: Finding[] } | { finding: Finding }

const ICONS: { [severity: string]: [string, string] } = {
  error: ['error', 'problemsErrorIcon.foreground'],
  warning: ['warning', 'problemsWarningIcon.foreground'],
}
const INFO: [string, string] = ['info', 'problemsInfoIcon.foreground']

export class FindingTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>()
  readonly onDidChangeTreeData = this.changed.event
  private readonly view: vscode.TreeView<Node>
  private readonly subscription: vscode.Disposable
  private files: Node[] = []

  constructor(findings: Findings) {
    this.view = vscode.window.createTreeView('qwen-lsp.findings', { treeDataProvider: this, showCollapseAll: true })
    this.subscription = findings.onChange(() => {
      this.files = [...findings.files()].map(([uri, findings]) => ({ file: vscode.Uri.parse(uri), findings }))
      const count = findings.all.length
      this.view.message = findings.summary || undefined
      // No badge: Source Control would add it to its own count of changed files.
      this.view.description = count ? vscode.l10n.t('Findings: {0}', count) : undefined
      this.changed.fire(undefined)
    })
  }

  getChildren(node?: Node): Node[] {
    if (!node) return this.files
    return 'file' in node ? node.findings.map((finding) => ({ finding })) : []
  }

  getParent(): undefined {
    return undefined // only files are ever revealed
  }

  /** Show the tree; the cursor stays where the user is writing. */
  async show(): Promise<void> {
    const [first] = this.files
    if (first) await this.view.reveal(first, { select: false, focus: false })
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ('file' in node) {
      const item = new vscode.TreeItem(node.file, vscode.TreeItemCollapsibleState.Expanded)
      const folder = node.findings[0].path.split('/').slice(0, -1).join('/')
      item.description = [folder, node.findings.length].filter(Boolean).join(' · ')
      item.contextValue = 'file'
      return item
    }
    const { finding } = node
    // In a narrow side bar only the beginning is seen: the rule says most.
    const item = new vscode.TreeItem(finding.rule)
    const [icon, color] = ICONS[finding.severity] ?? INFO
    item.iconPath = new vscode.ThemeIcon(icon, new vscode.ThemeColor(color))
    item.description = `${finding.range.start.line + 1} · ${finding.message}`
    item.tooltip = [`${severityWord(finding.severity)}: ${finding.message}`, finding.scenario].filter(Boolean).join('\n\n')
    item.contextValue = finding.fix ? 'fixable' : 'plain'
    item.command = {
      command: 'vscode.open',
      title: vscode.l10n.t('Open'),
      arguments: [vscode.Uri.parse(finding.uri), { selection: rangeOf(finding) }],
    }
    return item
  }

  dispose(): void {
    this.view.dispose()
    this.subscription.dispose()
    this.changed.dispose()
  }
}
