/**
 * A model server of the user's in place of the engine: found or named, tested and written into the user's
 * settings file by the server's command line, which has the rules of who may get code and where a key is kept.
 */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import type { Ran } from './server/program'
import { SECTION } from './settings'
import { hostOf, isLoopback } from './values'

interface Found {
  url: string
  kind: string
  model: string
  models: string[]
}

interface Tested extends Found {
  missing: string[]
  answers: string[]
  verdict: 'works' | 'unsure' | 'template'
}

interface Choice extends vscode.QuickPickItem {
  url?: string
  model?: string
}

/** What the settings of the editor say of the endpoint for completion: they win over the user's file. */
const OWN = ['endpoint.url', 'endpoint.kind', 'endpoint.model']

/** Ask which server, test it, and use it from now on. */
export async function useServer(connection: Connection): Promise<void> {
  const title = vscode.l10n.t('Use a model server')
  const ran = await working(connection, vscode.l10n.t('Looking for model servers on this machine'), ['endpoint', 'find', '--json'])
  if (!ran) return
  const found = JSON.parse(ran.stdout || '[]') as Found[]
  const other = { label: `$(edit) ${vscode.l10n.t('Another address…')}`, alwaysShow: true }
  const picked = await vscode.window.showQuickPick<Choice>([...found.flatMap(choices), other], {
    title,
    placeHolder: found.length
      ? vscode.l10n.t('Found on the usual ports of this machine.')
      : vscode.l10n.t('Nothing answers on the usual ports of this machine.'),
    matchOnDescription: true,
  })
  if (!picked) return
  if (picked.url) return add(connection, picked.url, picked.model ? ['--model', picked.model] : [])
  const entered = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('Address of an Ollama, LM Studio, llama.cpp, vLLM or another OpenAI-compatible server.'),
    placeHolder: 'https://models.example.org/v1',
    ignoreFocusOut: true,
  })
  const url = entered?.trim()
  if (!url) return
  if (!isLoopback(url) && !(await allows(url))) return
  const key = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('API key of {0}, empty for none. It is kept in a file that only you can read.', hostOf(url)),
    password: true,
    ignoreFocusOut: true,
  })
  if (key === undefined) return
  const model = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('Model, where the server has several; empty for its Qwen Coder model.'),
    ignoreFocusOut: true,
  })
  if (model === undefined) return
  const options = [...(isLoopback(url) ? [] : ['--allow-remote']), ...(model.trim() ? ['--model', model.trim()] : [])]
  return add(connection, url, options, key.trim())
}

/** Take the user's servers out of the settings: the engine on this machine is used again. */
export async function useEngine(connection: Connection): Promise<void> {
  await connection.ask(['endpoint', 'remove'])
  await usedFromNowOn(connection)
}

function choices({ url, kind, models }: Found): Choice[] {
  return models.map((model) => ({ label: `$(server) ${model}`, description: `${kind} · ${url}`, url, model }))
}

async function allows(url: string): Promise<boolean> {
  const yes = vscode.l10n.t('Allow')
  const question = vscode.l10n.t('Code that you edit will be sent to {0}. Allow that?', hostOf(url))
  return (await vscode.window.showWarningMessage(question, { modal: true }, yes)) === yes
}

async function add(connection: Connection, url: string, options: string[], key = ''): Promise<void> {
  const args = ['endpoint', 'add', url, '--json', ...options, ...(key ? ['--key-stdin'] : [])]
  const ran = await working(connection, vscode.l10n.t('Testing {0}', hostOf(url)), args, key)
  if (!ran) return
  const tested = ran.stdout.startsWith('{') ? (JSON.parse(ran.stdout) as Tested) : undefined
  if (ran.code !== 0) {
    if (tested?.verdict !== 'template') throw new Error(ran.stderr.trim().split('\n').pop())
    const all = vscode.l10n.t('Use It All the Same')
    const eaten = vscode.l10n.t(
      '{0} puts a chat template around prompts, so completion would not work there. Nothing was changed.',
      url,
    )
    if ((await vscode.window.showWarningMessage(eaten, all)) === all) await add(connection, url, [...options, '--force'], key)
    return
  }
  await usedFromNowOn(connection)
  const model = tested?.model ?? ''
  if (tested?.verdict === 'works')
    void vscode.window.showInformationMessage(vscode.l10n.t('{0} at {1} is used from now on.', model, hostOf(url)))
  else
    void vscode.window.showWarningMessage(
      vscode.l10n.t('{0} at {1} is used from now on, but it did not fill the test’s holes right.', model, hostOf(url)),
    )
}

/** Let the file have its say, and start the server again with it. */
async function usedFromNowOn(connection: Connection): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION)
  const set = OWN.filter((name) => configuration.inspect(name)?.globalValue !== undefined)
  for (const name of set) await configuration.update(name, undefined, vscode.ConfigurationTarget.Global)
  await connection.restart()
}

/** Run the server's command line behind a notification; undefined when the user ends it. */
async function working(connection: Connection, title: string, args: string[], input = ''): Promise<Ran | undefined> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true }
  return vscode.window.withProgress(options, async (_, token) => {
    const abort = new AbortController()
    token.onCancellationRequested(() => abort.abort())
    try {
      return await connection.call(args, { signal: abort.signal, input })
    } catch (error) {
      if (token.isCancellationRequested) return undefined
      throw error
    }
  })
}
