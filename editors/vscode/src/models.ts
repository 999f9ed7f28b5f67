/** The model picker: what the server's catalog has, what is on this machine, and getting the rest. */
import * as vscode from 'vscode'
import type { Connection } from './connection'
import { useEngine, useServer } from './endpoints'
import { SECTION } from './settings'
import { gigabytes, percentOf } from './values'

export interface Model {
  name: string
  title: string
  licence: string
  sizeBytes: number | null
  memoryBytes: number | null
  endpointOnly: boolean
  path: string | null
  /** What suits this machine, by the rule of `models recommend`. */
  isRecommended?: boolean
  suits?: boolean
  remark?: string
}

interface Choice extends vscode.QuickPickItem {
  model?: Model
  run?: (connection: Connection) => Promise<void>
}

const SETTING = 'model.name'

export async function selectModel(connection: Connection): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION)
  const models = JSON.parse(await connection.ask(['models', 'list', '--json'])) as Model[]
  const current = typeof connection.condition === 'string' ? '' : connection.condition.model
  const items: Choice[] = models.filter((model) => !model.endpointOnly).map((model) => choice(model, current))
  items.push({ label: '', kind: vscode.QuickPickItemKind.Separator }, ...servers(connection))
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Select the model'),
    placeHolder: configuration.get('endpoint.url')
      ? vscode.l10n.t('An endpoint is set; the model is used when it is not.')
      : vscode.l10n.t('Models that are not on this machine are downloaded after you confirm.'),
    matchOnDescription: true,
    matchOnDetail: true,
  })
  if (picked?.run) return picked.run(connection)
  if (!picked?.model) return
  const isNew = picked.model.path === null
  if (isNew && !(await pull(connection, picked.model))) return
  const isSame = configuration.get(SETTING) === picked.model.name
  // The server hears of the setting and changes over by itself.
  await configuration.update(SETTING, picked.model.name, vscode.ConfigurationTarget.Global)
  if (isNew && isSame) await connection.restart()
}

/** What else can answer than the engine with a model of the catalog. */
function servers(connection: Connection): Choice[] {
  const { condition } = connection
  const useOther = {
    label: `$(server) ${vscode.l10n.t('Use a model server…')}`,
    detail: vscode.l10n.t('Ollama, LM Studio, llama.cpp, vLLM or one of your team, in place of the engine.'),
    run: useServer,
  }
  const isElsewhere = typeof condition !== 'string' && condition.endpoint !== undefined
  if (!isElsewhere) return [useOther]
  return [useOther, { label: `$(discard) ${vscode.l10n.t('Use the engine on this machine')}`, run: useEngine }]
}

function choice(model: Model, current: string): Choice {
  const isHere = model.path !== null
  const needs = vscode.l10n.t('{0} of memory', gigabytes(model.memoryBytes ?? 0))
  const size = isHere
    ? vscode.l10n.t('on this machine')
    : vscode.l10n.t('download of {0}', gigabytes(model.sizeBytes ?? 0))
  return {
    model,
    label: `$(${model.name === current ? 'check' : isHere ? 'database' : 'cloud-download'}) ${model.name}`,
    description: [model.isRecommended ? vscode.l10n.t('suits this machine') : '', size, needs].filter(Boolean).join(' · '),
    detail: [model.title, model.licence, model.suits === false ? vscode.l10n.t('too large or too slow here') : '', model.remark]
      .filter(Boolean)
      .join(' · '),
  }
}

/** Download a model after a yes; return whether it is here now. */
async function pull(connection: Connection, model: Model): Promise<boolean> {
  const yes = vscode.l10n.t('Download')
  const question = vscode.l10n.t(
    'Download {0} ({1}, licence: {2})?',
    model.title,
    gigabytes(model.sizeBytes ?? 0),
    model.licence,
  )
  const answer = await vscode.window.showInformationMessage(question, { modal: true }, yes)
  return answer === yes && download(connection, model)
}

/** Download a model, with progress and cancel; return whether it is here now. */
export async function download(connection: Connection, model: Model): Promise<boolean> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Downloading {0}', model.name),
    cancellable: true,
  }
  let failed = ''
  const isHere = await vscode.window.withProgress(options, async (progress, token) => {
    const abort = new AbortController()
    token.onCancellationRequested(() => abort.abort())
    let done = 0
    let last = ''
    const onLine = (line: string) => {
      connection.log.info(line)
      const percent = percentOf(line)
      if (percent === undefined) last = line
      progress.report({ message: line.trim(), increment: Math.max((percent ?? done) - done, 0) })
      done = Math.max(percent ?? 0, done)
    }
    try {
      const ran = await connection.call(['models', 'pull', model.name], { onLine, signal: abort.signal })
      if (ran.code === 0) return true
    } catch (error) {
      if (token.isCancellationRequested) return false
      last = String(error)
    }
    failed = last
    return false
  })
  if (isHere || !failed) return isHere
  const again = vscode.l10n.t('Try Again')
  const showLog = vscode.l10n.t('Show Log')
  const answer = await vscode.window.showErrorMessage(
    vscode.l10n.t('Downloading the model failed: {0}', failed),
    again,
    showLog,
  )
  if (answer === showLog) connection.log.show()
  return answer === again && download(connection, model)
}
