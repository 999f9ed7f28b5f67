/** `qwen-lsp doctor` as a document. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import type { Documents } from './documents'
import { table } from './values'

interface Check {
  name: string
  status: 'ok' | 'warning' | 'failed' | 'skipped'
  detail: string
  remedy: string
}

const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const

export async function runDoctor(connection: Connection, documents: Documents): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Checking'), cancellable: true }
  const checks = await vscode.window.withProgress(options, async (_, token) => {
    const abort = new AbortController()
    token.onCancellationRequested(() => abort.abort())
    // It ends with 1 when something failed; that is an answer too.
    const ran = await connection.call(['doctor', '--json'], { signal: abort.signal }).catch(() => undefined)
    return ran && (JSON.parse(ran.stdout || '[]') as Check[])
  })
  if (!checks) return
  const t = vscode.l10n.t
  const rows = checks.map((check) => [MARKS[check.status], check.name, check.detail, check.remedy])
  await documents.preview(`/${t('check')}.md`, table(['', t('What'), t('Detail'), t('What to do')], rows))
}
