/** The statistics view: the server's counts of this machine, as Markdown. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import type { Documents } from './documents'
import { table } from './values'

interface Counts {
  shown: number
  accepted: number
  partlyAccepted: number
  dismissed: number
  typedThrough: number
  kept: number
  keptOf: number
  charactersSaved: number
}

interface Report {
  from: string
  to: string
  total: Counts
  languages: { [language: string]: Counts }
  heldBack: { [rule: string]: number }
  latencyMs: { p50: number | null; p95: number | null }
}

export async function showStatistics(connection: Connection, documents: Documents): Promise<void> {
  const report = JSON.parse(await connection.ask(['stats', '--json'])) as Report
  await documents.preview(`/${vscode.l10n.t('statistics')}.md`, written(report))
}

function written(report: Report): string {
  const t = vscode.l10n.t
  const row = (name: string, counts: Counts) => [
    name,
    counts.shown,
    part(counts.accepted, counts.shown),
    counts.partlyAccepted,
    counts.typedThrough,
    part(counts.kept, counts.keptOf),
    counts.charactersSaved,
  ]
  const head = [t('Language'), t('Shown'), t('Accepted'), t('In part'), t('Typed manually'), t('Kept 30 s'), t('Characters')]
  const languages = Object.entries(report.languages).map(([name, counts]) => row(name, counts))
  const heldBack = Object.entries(report.heldBack)
  const { p50, p95 } = report.latencyMs
  const parts = [
    `# ${t('Suggestions from {0} to {1}', report.from, report.to)}`,
    table(head, [...languages, row(t('all'), report.total)]),
  ]
  if (p50 !== null && p95 !== null)
    parts.push(t('Time to a suggestion: median {0} ms, 95th percentile {1} ms.', Math.round(p50), Math.round(p95)))
  if (heldBack.length) parts.push(table([t('Held back by'), t('Times')], heldBack))
  parts.push(t('These counts are made on this machine and never leave it.'))
  return parts.join('\n\n')
}

function part(count: number, of: number): string {
  return of ? `${count} (${Math.round((100 * count) / of)} %)` : String(count)
}
