/** Why the last request ended as it did, and the exact prompt it sent. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import type { Documents } from './documents'
import { EXPLAIN, type Record } from './protocol'
import { fenced, table } from './values'
import { fieldWord, outcomeWord, timingWord } from './words'

/** Return the record of a document's last completion; undefined when nothing was asked. */
export async function lastRecord(connection: Connection, uri: vscode.Uri): Promise<Record | undefined> {
  const params = { textDocument: { uri: uri.toString() } }
  return (await connection.request<Record | null>(EXPLAIN, params)) ?? undefined
}

export async function explainLast(connection: Connection, documents: Documents): Promise<void> {
  const record = await recordHere(connection)
  if (record) await documents.preview(`/${vscode.l10n.t('last suggestion')}.md`, written(record))
}

export async function showLastPrompt(connection: Connection, documents: Documents): Promise<void> {
  const record = await recordHere(connection)
  if (!record) return
  if (record.prompt) await documents.show(`/${vscode.l10n.t('last prompt')}.txt`, record.prompt)
  else void vscode.window.showInformationMessage(record.summary)
}

async function recordHere(connection: Connection): Promise<Record | undefined> {
  const uri = vscode.window.activeTextEditor?.document.uri
  const record = uri && (await lastRecord(connection, uri))
  if (!record)
    void vscode.window.showInformationMessage(vscode.l10n.t('No completion has been requested in this file yet.'))
  return record
}

function written(record: Record): string {
  const t = vscode.l10n.t
  const facts = [
    [t('Outcome'), outcomeWord(record.outcome)],
    [t('Asked'), fieldWord(record.trigger)],
    [t('Answered from'), fieldWord(record.source)],
    [t('Mode'), fieldWord(record.mode)],
    [t('Detail'), record.detail],
    [t('Probability'), record.probability?.toFixed(2)],
    ...Object.entries(record.timings ?? {}).map(([name, value]) => [timingWord(name), value]),
  ].filter((fact): fact is [string, string | number] => fact[1] !== undefined && fact[1] !== null && fact[1] !== '')
  const filters = (record.filters ?? []).map((step) => [
    step.name,
    step.text === null ? step.reason : JSON.stringify(step.text),
  ])
  const parts = [`# ${record.summary}`, record.remedy, table([t('What'), t('Value')], facts)]
  if (filters.length) parts.push(`## ${t('Filters')}`, table([t('Filter'), t('Left')], filters))
  if (record.raw) parts.push(`## ${t('The raw answer')}`, fenced(record.raw))
  if (record.prompt) parts.push(`## ${t('The exact prompt')}`, fenced(record.prompt))
  return parts.filter(Boolean).join('\n\n')
}
