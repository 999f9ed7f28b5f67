/**
 * The one running server: found, started, restarted, asked. Owns the language client and the last
 * status; what is done with answers is the features' business.
 */
import * as vscode from 'vscode'
import type { Middleware } from 'vscode-languageclient'
import type * as Protocol from './client'
import type { LanguageClient } from 'vscode-languageclient/node'
import { CLIENT, STATUS, type Status } from './protocol'
import { markUsed } from './server/environment'
import { environment, locate } from './server/locate'
import { output, run, type Program, type Ran, type RunOptions } from './server/program'
import { SECTION, serverSettings, userOptions } from './settings'

export const DOCUMENTS = [{ scheme: 'file' }, { scheme: 'untitled' }, { scheme: 'vscode-notebook-cell' }]

/** What VS Code itself waits after a key before it asks for a suggestion. */
const EDITOR_DELAY_MS = 50
/** How often a window notes that it uses the environment of the server. */
const NOTE_USE_MS = 3_600_000

/** What the editor shows of the server: its own words, or ours while there is none. */
export type Condition = Status | 'absent' | 'connecting' | 'failed'

export class Connection implements vscode.Disposable {
  private protocol: typeof Protocol | undefined
  private client: LanguageClient | undefined
  private program: Program | undefined
  private queue: Promise<void> = Promise.resolve()
  private isClosing = false
  private use: NodeJS.Timeout | undefined
  private readonly conditionChanged = new vscode.EventEmitter<Condition>()
  private readonly received = new vscode.EventEmitter<{ method: string; params: unknown }>()
  readonly onCondition = this.conditionChanged.event
  condition: Condition = 'connecting'
  /** Whether the extension's own server is missing, or of an earlier version of the extension. */
  needsServer = false
  /** The version of a `qwen-lsp` on PATH that is not used; "" where there is none. */
  passedOver = ''

  constructor(
    private readonly context: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
    private readonly middleware: () => Middleware,
    private readonly methods: readonly string[],
  ) {}

  /** Start the server, if one is there; never rejects. Starts and restarts come one after another. */
  start(): Promise<void> {
    return this.next(() => this.launch())
  }

  async restart(): Promise<void> {
    return this.next(async () => {
      await this.close()
      await this.launch()
    })
  }

  /** Do something with the files of the server while it does not run. Rejects as the work does; the server starts again. */
  async whileStopped(work: (program: Program) => Thenable<void>): Promise<void> {
    let done: Promise<void> = Promise.resolve()
    await this.next(async () => {
      await this.close()
      done = (async () => work(this.needed()))()
      await done.catch(() => undefined)
      await this.launch()
    })
    await done
  }

  /** The server's program; undefined where there is none. */
  get server(): Program | undefined {
    return this.program
  }

  private next(step: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(step).catch((error: unknown) => this.log.error(String(error)))
    return this.queue
  }

  /** Whether there is a server to run, of whatever version. */
  get hasServer(): boolean {
    return this.program !== undefined
  }

  /** Wait until the model is loaded, or can be seen not to be. */
  async whenReady(): Promise<void> {
    const isSettled = (condition: Condition) => typeof condition !== 'string' && condition.state !== 'loading'
    if (isSettled(this.condition) && this.isRunning) return
    await new Promise<void>((resolve) => {
      const seen = this.onCondition((condition) => {
        if (!isSettled(condition) && condition !== 'failed') return
        seen.dispose()
        resolve()
      })
    })
  }

  /** Call back for each notification of a method. */
  on<T>(method: string, listener: (params: T) => void): vscode.Disposable {
    return this.received.event((message) => {
      if (message.method === method) listener(message.params as T)
    })
  }

  get isRunning(): boolean {
    return this.client?.isRunning() ?? false
  }

  /** Tell whether the running server has a command. */
  can(command: string): boolean {
    const commands = this.client?.initializeResult?.capabilities.executeCommandProvider?.commands
    return this.isRunning && (commands?.includes(command) ?? false)
  }

  async request<T>(method: string, params: unknown, token?: vscode.CancellationToken): Promise<T | undefined> {
    if (!this.client || !this.isRunning) return undefined
    // Given as undefined, the token would be taken for a second parameter.
    return token ? this.client.sendRequest<T>(method, params, token) : this.client.sendRequest<T>(method, params)
  }

  notify(method: string, params: unknown): void {
    if (this.client && this.isRunning) void this.client.sendNotification(method, params)
  }

  /** Run a command of the server. Rejects with the server's own words. */
  async execute<T>(command: string, argument: unknown, token?: vscode.CancellationToken): Promise<T | undefined> {
    return this.request<T>('workspace/executeCommand', { command, arguments: [argument] }, token)
  }

  /** Return what VS Code asks for suggestions in a document. */
  suggestions(document: vscode.TextDocument): vscode.InlineCompletionItemProvider | undefined {
    const method = this.protocol?.InlineCompletionRequest.method
    return method && this.client?.getFeature(method)?.getProvider(document)
  }

  /** Return what the server offers for one diagnostic, with edits that fit the text as it is now. */
  async fixes(document: vscode.TextDocument, diagnostic: vscode.Diagnostic): Promise<vscode.CodeAction[]> {
    const context = {
      diagnostics: [diagnostic],
      only: vscode.CodeActionKind.QuickFix,
      triggerKind: vscode.CodeActionTriggerKind.Invoke,
    }
    const method = this.protocol?.CodeActionRequest.method
    const provider = method && this.client?.getFeature(method)?.getProvider(document)
    const source = new vscode.CancellationTokenSource()
    try {
      const offered = await provider?.provideCodeActions(document, diagnostic.range, context, source.token)
      return (offered ?? []).filter((action) => action instanceof vscode.CodeAction)
    } finally {
      source.dispose()
    }
  }

  get converter(): LanguageClient['protocol2CodeConverter'] | undefined {
    return this.client?.protocol2CodeConverter
  }

  /** Run the server's command line and return what it prints. Rejects with its last words. */
  async ask(args: string[], options?: RunOptions): Promise<string> {
    return output(this.needed(), args, { env: environment(), ...options })
  }

  /** Run the server's command line to its end. */
  async call(args: string[], options?: RunOptions): Promise<Ran> {
    return run(this.needed(), args, { env: environment(), ...options })
  }

  private needed(): Program {
    if (!this.program) throw new Error(vscode.l10n.t('The server is not installed.'))
    return this.program
  }

  async close(): Promise<void> {
    const client = this.client
    this.client = undefined
    this.isClosing = true
    clearInterval(this.use)
    try {
      await client?.dispose().catch((error: unknown) => this.log.warn(String(error)))
    } finally {
      this.isClosing = false
    }
  }

  dispose(): void {
    void this.close()
    this.conditionChanged.dispose()
    this.received.dispose()
  }

  private async launch(): Promise<void> {
    this.change('connecting')
    const { program, canInstall, passedOver } = await locate(this.context, this.log)
    this.program = program
    this.needsServer = canInstall
    this.passedOver = passedOver
    if (!program) return this.change('absent')
    const { path, args } = program
    const options = userOptions(this.context.extension)
    this.log.info(`starting ${[path, ...args].join(' ')}`)
    this.protocol = await import('./client')
    const client = new this.protocol.LanguageClient(
      'qwen-lsp',
      'Qwen LSP',
      {
        command: path,
        // Whether to trust the folders is a question that VS Code has asked already.
        args: [...args, 'serve', ...(vscode.workspace.isTrusted ? ['--trust-folders'] : []), ...options],
        options: { cwd: this.context.extensionPath, env: environment() },
      },
      {
        documentSelector: DOCUMENTS,
        outputChannel: this.log,
        revealOutputChannelOn: this.protocol.RevealOutputChannelOn.Never,
        initializationOptions: () => ({
          client: CLIENT,
          completion: { clientDelayMs: EDITOR_DELAY_MS },
        }),
        middleware: {
          ...this.middleware(),
          workspace: { configuration: ({ items }) => items.map((item) => this.settings(item.section)) },
        },
      },
    )
    const stopped = this.protocol.State.Stopped
    client.onNotification(STATUS, (status: Status) => this.change(status))
    for (const method of this.methods)
      client.onNotification(method, (params: unknown) => this.received.fire({ method, params }))
    client.onDidChangeState(({ newState }) => {
      // The client starts a server that died again, a few times. When it stops, nothing starts it any more.
      if (newState === stopped && this.client === client && !this.isClosing) this.change('failed')
      void this.announce()
    })
    this.client = client
    const note = () => void markUsed(this.context.globalStorageUri.fsPath, program)
    this.use = setInterval(note, NOTE_USE_MS)
    note()
    try {
      await client.start()
    } catch (error) {
      this.log.error(String(error))
      this.change('failed')
    }
    void this.announce()
  }

  private settings(section: string | undefined): unknown {
    return section === SECTION
      ? serverSettings(this.context.extension)
      : vscode.workspace.getConfiguration(section).get('')
  }

  private change(condition: Condition): void {
    this.condition = condition
    this.conditionChanged.fire(condition)
  }

  private async announce(): Promise<void> {
    const set = (name: string, value: boolean) =>
      vscode.commands.executeCommand('setContext', `qwen-lsp.${name}`, value)
    if (!this.isRunning && typeof this.condition !== 'string') this.change(this.isClosing ? 'connecting' : 'failed')
    await Promise.all([
      set('isRunning', this.isRunning),
      set('canAct', this.can('qwenLsp.action')),
      set('canReview', this.can('qwenLsp.review')),
      set('canWriteMessages', this.can('qwenLsp.commitMessage')),
    ])
  }
}
