/** Findings as a document to pass on. Knows nothing of the editor. */
import type { Finding, Severity } from '../protocol'
import { fenced } from '../values'

/** The words of the reader's language. */
export interface Words {
  title: string
  line: string
  severity(severity: Severity): string
}

/** Write findings as Markdown, a heading for each file in their order. */
export function markdown(findings: readonly Finding[], summary: string, words: Words): string {
  const parts = [`# ${words.title}`, summary]
  let path = ''
  for (const finding of [...findings].sort((a, b) => a.path.localeCompare(b.path))) {
    if (finding.path !== path) parts.push(`## ${finding.path}`)
    path = finding.path
    const line = finding.range.start.line + 1
    parts.push(`- **${words.severity(finding.severity)}** \`${finding.rule}\`, ${words.line} ${line}: ${finding.message}`)
    if (finding.scenario) parts.push(`  ${finding.scenario}`)
    if (finding.fix) parts.push(fenced(finding.fix.lines ?? finding.fix.newText))
  }
  return parts.filter(Boolean).join('\n\n') + '\n'
}
