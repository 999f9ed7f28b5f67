/**
 * What the server says in identifiers, in the words of the editor's language. An identifier that is unknown
 * here, such as one of a newer server, stays as it is. Sentences come from the server in that language already.
 */
import * as vscode from 'vscode'
import type { Severity } from './protocol'

export function severityWord(severity: Severity): string {
  const t = vscode.l10n.t
  switch (severity) {
    case 'error':
      return t('error')
    case 'warning':
      return t('warning')
    case 'hint':
      return t('hint')
    default:
      return t('info')
  }
}

/** Return what became of a request; why nothing was shown, in a few words. */
export function outcomeWord(outcome: string): string {
  const t = vscode.l10n.t
  const words: { [outcome: string]: string } = {
    shown: t('suggested'),
    waiting: t('still being written'),
    filtered: t('held back by a filter'),
    unsure: t('held back: not confident enough'),
    excluded: t('the file is excluded'),
    'not wanted here': t('only when triggered manually here'),
    timeout: t('too slow'),
    superseded: t('replaced by a newer request'),
    cancelled: t('cancelled by the editor'),
    off: t('switched off'),
    engine: t('no answer of the model'),
    model: t('no model'),
  }
  return words[outcome] ?? outcome
}

/** Return what triggered a request, what its answer came from, or how far it may go. */
export function fieldWord(value = ''): string {
  const t = vscode.l10n.t
  const words: { [value: string]: string } = {
    automatic: t('while typing'),
    invoked: t('manually'),
    model: t('the model'),
    flight: t('the answer that was being written'),
    cache: t('the cache'),
    names: t('names of this repository'),
    line: t('one line'),
    block: t('several lines'),
    pair: t('up to the closing bracket'),
  }
  return words[value] ?? value
}

/** Return what a number of a completion's record means, such as `total_ms`. */
export function timingWord(name: string): string {
  const t = vscode.l10n.t
  const words: { [name: string]: string } = {
    wait_ms: t('Waited before asking, ms'),
    first_text_ms: t('First text after, ms'),
    total_ms: t('Answered after, ms'),
    prompt_ms: t('Reading the prompt, ms'),
    generated_ms: t('Writing, ms'),
    prompt_tokens: t('Tokens read'),
    cached_tokens: t('Tokens from the cache'),
    generated_tokens: t('Tokens written'),
  }
  return words[name] ?? name.replaceAll('_', ' ')
}
