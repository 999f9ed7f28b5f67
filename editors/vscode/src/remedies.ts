/** What the server advises, as commands of the editor: nobody needs a terminal for it. */
import * as vscode from 'vscode'
import type { Condition } from './connection'

export interface Remedy {
  icon: string
  title: string
  command: string
}

/** Return the commands that do what a condition's remedy says, the most specific first. */
export function remediesOf(condition: Condition): Remedy[] {
  const t = vscode.l10n.t
  if (condition === 'absent') return []
  if (condition === 'failed')
    return [{ icon: 'refresh', title: t('Start the server again'), command: 'restart' }]
  if (typeof condition === 'string' || !condition.remedy) return []
  const { remedy } = condition
  const found: Remedy[] = []
  if (remedy.includes('models pull')) found.push({ icon: 'cloud-download', title: t('Download the model'), command: 'setUp' })
  if (/model\.name|models list/.test(remedy))
    found.push({ icon: 'database', title: t('Choose another model'), command: 'selectModel' })
  if (remedy.includes('doctor')) found.push({ icon: 'heart', title: t('Find out why (doctor)'), command: 'runDoctor' })
  if (/endpoint\.|completion\.enabled/.test(remedy))
    found.push({ icon: 'gear', title: t('Change the setting'), command: 'openSettings' })
  return found
}
