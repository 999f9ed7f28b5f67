/** The findings of the last review, and their order: by file, the worst first. */
import * as vscode from 'vscode'
import type { Finding, Severity } from '../protocol'

const ORDER: Severity[] = ['error', 'warning', 'info', 'information', 'hint']

export class Findings implements vscode.Disposable {
  private list: readonly Finding[] = []
  private readonly changed = new vscode.EventEmitter<void>()
  readonly onChange = this.changed.event
  summary = ''

  get all(): readonly Finding[] {
    return this.list
  }

  set(findings: readonly Finding[], summary: string): void {
    this.list = [...findings].sort(
      (a, b) =>
        rank(a.severity) - rank(b.severity) ||
        a.path.localeCompare(b.path) ||
        a.range.start.line - b.range.start.line,
    )
    this.summary = summary
    this.announce()
  }

  remove(isGone: (finding: Finding) => boolean): void {
    const left = this.list.filter((finding) => !isGone(finding))
    if (left.length === this.list.length) return
    this.list = left
    // The server's summary counted what is gone now.
    this.summary = left.length ? vscode.l10n.t('Findings left: {0}', left.length) : ''
    this.announce()
  }

  /** Return the files with findings, the one with the worst first. */
  files(): Map<string, Finding[]> {
    const files = new Map<string, Finding[]>()
    for (const finding of this.list) files.set(finding.uri, [...(files.get(finding.uri) ?? []), finding])
    return files
  }

  dispose(): void {
    this.changed.dispose()
  }

  private announce(): void {
    void vscode.commands.executeCommand('setContext', 'qwen-lsp.hasFindings', this.list.length > 0)
    this.changed.fire()
  }
}

export function rangeOf(finding: Finding): vscode.Range {
  const { start, end } = finding.range
  return new vscode.Range(start.line, start.character, end.line, end.character)
}

function rank(severity: Severity): number {
  const place = ORDER.indexOf(severity)
  return place < 0 ? ORDER.length : place
}
