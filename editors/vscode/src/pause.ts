/**
 * Where suggestions come only when they are asked for: one file, a language, everything.
 * Files and everything are remembered for this workspace; languages are a setting.
 */
import * as vscode from 'vscode'
import { SECTION } from './settings'

const FILES = 'paused.files'
const EVERYTHING = 'paused.everything'
const LANGUAGES = 'editor.pausedLanguages'

export type Extent = 'everything' | 'language' | 'file'

/** Minutes that a snooze may last. */
const SNOOZES = [5, 15, 60, 240]

export class Pause implements vscode.Disposable {
  private until = 0
  private timer: NodeJS.Timeout | undefined
  private readonly changed = new vscode.EventEmitter<void>()
  readonly onChange = this.changed.event

  constructor(private readonly memory: vscode.Memento) {}

  /** Return how far the pause that holds for a document goes, or undefined. */
  extent(document: vscode.TextDocument | undefined): Extent | undefined {
    if (this.isSnoozed || this.memory.get(EVERYTHING, false)) return 'everything'
    if (document && this.languages().includes(document.languageId)) return 'language'
    if (document && this.files().includes(document.uri.toString())) return 'file'
    return undefined
  }

  get isSnoozed(): boolean {
    return Date.now() < this.until
  }

  /** End a snooze; without one, ask how long it shall be. It ends with the window. */
  async askSnooze(): Promise<void> {
    if (this.isSnoozed) return this.snooze(0)
    const choices = SNOOZES.map((minutes) => ({ label: vscode.l10n.t('{0} minutes', minutes), minutes }))
    const picked = await vscode.window.showQuickPick(choices, { title: vscode.l10n.t('No suggestions for') })
    if (picked) this.snooze(picked.minutes)
  }

  dispose(): void {
    clearTimeout(this.timer)
    this.changed.dispose()
  }

  private snooze(minutes: number): void {
    clearTimeout(this.timer)
    this.until = Date.now() + minutes * 60_000
    if (minutes) this.timer = setTimeout(() => this.changed.fire(), minutes * 60_000 + 10)
    this.changed.fire()
  }

  async toggle(extent: Extent, document: vscode.TextDocument | undefined): Promise<void> {
    if (extent === 'everything') {
      await this.memory.update(EVERYTHING, !this.memory.get(EVERYTHING, false))
    } else if (!document) {
      return
    } else if (extent === 'language') {
      const languages = toggled(this.languages(), document.languageId)
      const configuration = vscode.workspace.getConfiguration(SECTION)
      await configuration.update(LANGUAGES, languages, vscode.ConfigurationTarget.Global)
    } else {
      await this.memory.update(FILES, toggled(this.files(), document.uri.toString()))
    }
    this.changed.fire()
  }

  private files(): string[] {
    return this.memory.get(FILES, [])
  }

  private languages(): string[] {
    return vscode.workspace.getConfiguration(SECTION).get(LANGUAGES, [])
  }
}

function toggled(list: string[], item: string): string[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item]
}
