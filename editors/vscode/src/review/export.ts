/** Findings as a document to pass on. Knows nothing of the editor. */
import type { Finding } from '../protocol'
import { fenced } from '../values'

/** Write findings as Markdown, a heading for each file in their order. */
export function markdown(findings: readonly Finding[], title: string, summary: string, lineWord = 'line'): string {
  const parts = [`# ${title}`, summary]
  let path = ''
  for (const finding of [...findings].sort((a, b) => a.path.localeCompare(b.path))) {
    if (finding.path !== path) parts.push(`## ${finding.path}`)
    path = finding.path
    const line = finding.range.start.line + 1
    parts.push(`- **${finding.severity}** \`${finding.rule}\`, ${lineWord} ${line}: ${finding.message}`)
    if (finding.scenario) parts.push(`  ${finding.scenario}`)
    if (finding.fix) parts.push(fenced(finding.fix.lines ?? finding.fix.newText))
  }
  return parts.filter(Boolean).join('\n\n') + '\n'
}
