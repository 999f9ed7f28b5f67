/**
 * What qwen-lsp adds to the protocol (docs/protocol.md of the server), as types and method names.
 * Knows nothing of the editor.
 */
import type { WorkspaceEdit } from 'vscode-languageclient'

export interface Place {
  line: number
  character: number
}

export interface Span {
  start: Place
  end: Place
}

/** `qwenLsp/status`: what the server is doing, in the user's language. */
export interface Status {
  state: 'starting' | 'loading' | 'asleep' | 'ready' | 'busy' | 'slow' | 'off' | 'error'
  message: string
  remedy: string
  model: string
  tokensPerSecond?: number
  endpoint?: { kind: string; contextTokens: number; without: string[] }
}

/** `qwenLsp/inlineCompletion/partial`: the whole answer so far for one request, before filters. */
export interface Partial {
  uri: string
  version: number
  position: Place
  text: string
}

/** The answer of `qwenLsp/explain`: the record of a document's last completion. */
export interface Record {
  outcome: string
  summary: string
  remedy: string
  reason?: string
  detail?: string
  source?: string
  mode?: string
  trigger?: string
  prompt?: string
  raw?: string
  answer?: string
  probability?: number | null
  filters?: { name: string; text: string | null; reason: string }[]
  timings?: { [name: string]: number | null }
}

/** What a model-driven code action is asked with; it comes in the action's `data`. */
export interface ActionRequest {
  id: string
  kind: string
  uri: string
  version: number
  range: Span
  instruction?: string
}

/** The answer of the command `qwenLsp.action`. */
export interface ActionAnswer {
  title: string
  edit?: WorkspaceEdit
  markdown?: string
  message?: string
}

/** `qwenLsp/stream`: what an action has written so far in place of `range`. */
export interface ActionText {
  id: string
  uri: string
  version: number
  range: Span
  text: string
  done: boolean
}

export type Severity = 'error' | 'warning' | 'info' | 'information' | 'hint'

export interface Finding {
  id: string
  rule: string
  severity: Severity
  confidence: number
  path: string
  uri: string
  range: Span
  message: string
  scenario?: string
  /** `lines`: the whole lines that the fix makes, to be shown. */
  fix?: { range: Span; newText: string; lines?: string }
  fingerprint: string
}

/** The answer of the command `qwenLsp.review`. */
export interface Review {
  findings: Finding[]
  summary: string
  status: 'findings' | 'no_findings' | 'nothing_to_review' | 'failed'
  coverage?: unknown
}

export const STATUS = 'qwenLsp/status'
export const PARTIAL = 'qwenLsp/inlineCompletion/partial'
export const STREAM = 'qwenLsp/stream'
export const EXPLAIN = 'qwenLsp/explain'
export const DID_FOCUS = 'qwenLsp/didFocus'
export const DID_COPY = 'qwenLsp/didCopy'
export const DID_PARTIALLY_ACCEPT = 'qwenLsp/didPartiallyAccept'

/** Commands of the server; the language client registers them under these names. */
export const ACTION = 'qwenLsp.action'
export const REVIEW = 'qwenLsp.review'
export const DISMISS = 'qwenLsp.dismiss'
export const FORGET_REVIEW = 'qwenLsp.forgetReview'
export const COMMIT_MESSAGE = 'qwenLsp.commitMessage'

/** What this client can do beyond the standard. */
export const CLIENT = {
  streamCompletion: true,
  status: true,
  explain: true,
  streamActions: true,
  applyActions: true,
  renderMarkdown: true,
}
