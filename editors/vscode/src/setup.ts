/**
 * From nothing to the first suggestion: one question, then the server, the model that suits this machine,
 * and a file in which a suggestion is seen. A no is remembered; the command `Set Up` asks again.
 */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import { offerEngine, type Engine } from './graphics'
import { install, openSettings } from './server/locate'
import { download, type Model } from './models'
import { SECTION } from './settings'
import { gigabytes } from './values'

const DECLINED = 'setup.declined'
/** A model of at most so many bytes is part of the first yes; a larger one is asked about with its size. */
const SMALL_BYTES = 1.2e9

const SAMPLE = `def celsius(fahrenheit):
    """Convert a temperature from Fahrenheit to Celsius."""
    return `

interface Estimate extends Model {
  downloadMinutes: number
}

interface Recommendation {
  model: Estimate
  all: Estimate[]
  engine: Engine | null
}

export class Setup {
  private running: Promise<void> | undefined

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly connection: Connection,
  ) {}

  /** Ask once, when something is missing; never again after a no. */
  async offer(): Promise<void> {
    if (this.context.globalState.get(DECLINED) === this.version) return
    if (this.connection.needsServer) return this.ask(this.connection.hasServer)
    if (this.connection.hasServer && (await this.needsModel())) await this.ask(false)
  }

  /** Do it all, because the user asked for it. */
  async run(): Promise<void> {
    await this.context.globalState.update(DECLINED, undefined)
    return (this.running ??= this.all().finally(() => (this.running = undefined)))
  }

  private get version(): string {
    return (this.context.extension.packageJSON as { version: string }).version
  }

  private async ask(isUpdate: boolean): Promise<void> {
    const yes = isUpdate ? vscode.l10n.t('Update') : vscode.l10n.t('Set Up')
    const own = vscode.l10n.t('Use My Own…')
    const no = vscode.l10n.t('Not Now')
    const answer = await vscode.window.showInformationMessage(await this.question(isUpdate), yes, own, no)
    if (answer === yes) return this.run()
    if (answer === own) return void openSettings('qwenLsp.server')
    // Closing the message without an answer is no answer: the next window asks again.
    if (answer === no) await this.context.globalState.update(DECLINED, this.version)
  }

  private async question(isUpdate: boolean): Promise<string> {
    if (isUpdate)
      return vscode.l10n.t(
        'The extension has a new server. Update its Python environment? Packages are downloaded from your package registry.',
      )
    if (this.connection.needsServer) {
      const other = this.connection.passedOver
      const why = other ? vscode.l10n.t('qwen-lsp {0} on PATH is of another version and is not used. ', other) : ''
      return (
        why +
        vscode.l10n.t(
          'Set up Qwen LSP? Its server (about 150 MB of packages) and the model that suits this machine (from 0.5 GB; larger ones are asked about) are downloaded.',
        )
      )
    }
    const { model } = await this.recommended()
    return vscode.l10n.t(
      'Qwen LSP has no model yet. Download {0} ({1}, about {2} min at 5 MB/s, {3} of memory)?',
      model.title,
      gigabytes(model.sizeBytes ?? 0),
      model.downloadMinutes,
      gigabytes(model.memoryBytes ?? 0),
    )
  }

  private async all(): Promise<void> {
    if (this.connection.needsServer) {
      if (!(await install(this.context, this.connection.log))) return
      await this.connection.restart()
    }
    if (!this.connection.hasServer) return
    if (await this.needsModel()) {
      // Before the model, because a larger one suits an engine that uses the card.
      await offerEngine(this.context, this.connection, (await this.recommended()).engine)
      const model = await this.chosen()
      if (!model || !(await download(this.connection, model))) return
      await this.connection.restart()
    }
    await this.show()
  }

  /** Return the model to download; undefined when the user wants none. */
  private async chosen(): Promise<Model | undefined> {
    const { model, all } = await this.recommended()
    if ((model.sizeBytes ?? 0) <= SMALL_BYTES) return model
    const [smallest] = [...all].sort((a, b) => (a.sizeBytes ?? 0) - (b.sizeBytes ?? 0))
    const label = (one: Estimate) => vscode.l10n.t('{0} ({1}, {2} min)', one.name, gigabytes(one.sizeBytes ?? 0), one.downloadMinutes)
    const answer = await vscode.window.showInformationMessage(
      vscode.l10n.t('{0} suits this machine. Which model should be downloaded? Times are at 5 MB/s.', model.title),
      label(model),
      label(smallest),
    )
    if (!answer) return undefined
    return answer === label(model) ? model : smallest
  }

  private async recommended(): Promise<Recommendation> {
    return JSON.parse(await this.connection.ask(['models', 'recommend', '--json', '--no-measure'])) as Recommendation
  }

  private async needsModel(): Promise<boolean> {
    if (vscode.workspace.getConfiguration(SECTION).get('endpoint.url', '')) return false
    const models = JSON.parse(await this.connection.ask(['models', 'list', '--json'])) as Model[]
    if (models.some((model) => model.path !== null)) return false
    const shown = await this.connection.ask(['config', 'show']) // a comment with the file's name stands first
    const own = JSON.parse(shown.slice(shown.indexOf('{'))) as {
      model: { path: string }
      endpoint: { url: string }
    }
    return !own.model.path && !own.endpoint.url
  }

  /** Open a file with something to complete, and ask for it. */
  private async show(): Promise<void> {
    const document = await vscode.workspace.openTextDocument({ language: 'python', content: SAMPLE })
    const editor = await vscode.window.showTextDocument(document)
    const end = document.positionAt(SAMPLE.length)
    editor.selection = new vscode.Selection(end, end)
    await this.connection.whenReady()
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger')
    void vscode.window.showInformationMessage(
      vscode.l10n.t('Qwen LSP is set up. The grey text is a suggestion: Tab accepts it, Esc dismisses it.'),
    )
  }
}
