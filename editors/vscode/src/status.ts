/** The item in the status bar: what the server is doing, how fast, and why nothing was shown. */
import * as vscode from 'vscode'
import type { Condition, Connection } from './connection'
import type { Extent, Pause } from './pause'
import { remediesOf } from './remedies'
import { adviceWithoutButton } from './values'

const ICONS = {
  starting: 'loading~spin',
  loading: 'loading~spin',
  asleep: 'moon',
  ready: 'sparkle',
  busy: 'pulse',
  slow: 'watch',
  off: 'circle-slash',
  error: 'error',
} as const

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('qwen-lsp.status', vscode.StatusBarAlignment.Right, 90)
  private readonly subscriptions: vscode.Disposable[]
  private reason = ''

  constructor(
    private readonly connection: Connection,
    private readonly pause: Pause,
  ) {
    this.item.name = 'Qwen LSP'
    this.item.command = 'qwen-lsp.menu'
    const render = () => this.render()
    this.subscriptions = [
      connection.onCondition(render),
      pause.onChange(render),
      vscode.window.onDidChangeActiveTextEditor(render),
      vscode.workspace.onDidChangeConfiguration(render),
    ]
    this.render()
    this.item.show()
  }

  /** Say why the last request brought nothing; "" when it did. */
  explain(reason: string): void {
    if (reason === this.reason) return
    this.reason = reason
    this.render()
  }

  dispose(): void {
    this.item.dispose()
    vscode.Disposable.from(...this.subscriptions).dispose()
  }

  private render(): void {
    const { condition } = this.connection
    const paused = this.pause.extent(vscode.window.activeTextEditor?.document)
    const message = messageOf(condition)
    this.item.text = `$(${icon(condition, paused)}) Qwen`
    this.item.tooltip = this.tooltip(condition, message, paused)
    this.item.accessibilityInformation = { label: `Qwen LSP: ${paused ? pausedText(paused) : message}` }
    const isBad = condition === 'failed' || (typeof condition !== 'string' && condition.state === 'error')
    this.item.backgroundColor = isBad ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined
  }

  private tooltip(condition: Condition, message: string, paused: Extent | undefined): vscode.MarkdownString {
    const text = new vscode.MarkdownString(undefined, true)
    const line = (part: string) => part && text.appendText(part).appendMarkdown('\n\n')
    text.appendMarkdown('**Qwen LSP** — ')
    line(message)
    if (typeof condition !== 'string') {
      line(adviceWithoutButton(condition.remedy))
      const speed = condition.tokensPerSecond
      const facts = [condition.model, speed ? vscode.l10n.t('{0} tokens/s', speed) : '']
      line(facts.filter(Boolean).join(' · '))
      const { endpoint } = condition
      if (endpoint?.without.length) line(vscode.l10n.t('{0}, without {1}', endpoint.kind, endpoint.without.join(', ')))
    }
    if (paused) line(pausedText(paused))
    else if (this.reason) line(vscode.l10n.t('Last request: {0}', this.reason))
    const remedies = remediesOf(condition)
    text.isTrusted = { enabledCommands: remedies.map(({ command }) => `qwen-lsp.${command}`) }
    for (const { title, command } of remedies) text.appendMarkdown(`[${title}](command:qwen-lsp.${command})\n\n`)
    line(vscode.l10n.t('Click for the menu'))
    return text
  }
}

export function pausedText(extent: Extent): string {
  switch (extent) {
    case 'everything':
      return vscode.l10n.t('Paused everywhere')
    case 'language':
      return vscode.l10n.t('Paused in this language')
    case 'file':
      return vscode.l10n.t('Paused in this file')
  }
}

export function messageOf(condition: Condition): string {
  if (condition === 'absent') return vscode.l10n.t('The server is not installed.')
  if (condition === 'connecting') return vscode.l10n.t('Starting the server…')
  if (condition === 'failed') return vscode.l10n.t('The server has stopped and was not started again. The log says why.')
  return condition.message
}

function icon(condition: Condition, paused: Extent | undefined): string {
  if (condition === 'absent' || condition === 'failed') return 'error'
  if (condition === 'connecting') return ICONS.starting
  if (paused && condition.state !== 'error') return 'debug-pause'
  return ICONS[condition.state]
}
