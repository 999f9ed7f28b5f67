/**
 * From nothing to ghost text with clicks and keys only: an empty profile with the .vsix, no server, no model.
 * Packages come from the folder in PIP_FIND_LINKS and the model from the hub in HF_ENDPOINT; both are real.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { host, open, until } from './workbench.mjs'

suite('from nothing', { timeout: 900_000 }, () => {
  let vscode
  const steps = []
  let began = Date.now()
  const step = (what) => {
    steps.push({ what, seconds: Math.round((Date.now() - began) / 100) / 10 })
    began = Date.now()
  }
  const storage = () => path.join(vscode.data, 'User', 'globalStorage', 'qwen-lsp.qwen-lsp')
  const environments = async () => (await readdir(storage()).catch(() => [])).filter((name) => name.startsWith('server-'))

  before(async () => {
    vscode = await open({ files: { 'empty.txt': '\n' }, vsix: [host.vsix] })
  })
  after(() => vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await vscode?.failed(context.name)
  })

  test('cancelling the installation leaves nothing, and the menu asks again', async () => {
    const question = await vscode.notification(/Set up Qwen LSP\?/)
    await vscode.picture('set-up')
    await question.locator('.monaco-button', { hasText: 'Set Up' }).first().click()
    const progress = await vscode.notification(/Installing the Qwen LSP server/)
    await progress.locator('.monaco-button', { hasText: 'Cancel' }).first().click()
    await progress.waitFor({ state: 'hidden' })
    await until('nothing is left', async () => (await environments()).length === 0)
    await vscode.statusIs(/not installed/)
  })

  test('one click more leads to a suggestion, and Tab accepts it', async () => {
    began = Date.now()
    await vscode.statusItem().click()
    await vscode.choices(/Set up: server and model/)
    await vscode.choose('Set up: server and model')
    await vscode.notification(/Downloading qwen2\.5-coder-/)
    step('server installed')
    await vscode.notification(/Qwen LSP is set up/)
    step('model downloaded and loaded')
    const ghost = await vscode.ghostText()
    step('first suggestion')
    await vscode.picture('first-suggestion')
    await vscode.focusEditor()
    await vscode.press('Control+End')
    await vscode.press('Alt+\\')
    await vscode.ghostText()
    await vscode.press('Tab')
    await vscode.noGhost()
    const written = (await vscode.lines()).join('\n')
    assert.match(written, /return \(?\S/, `${ghost} was not accepted: ${written}`)
    if (host.artefacts) {
      await mkdir(host.artefacts, { recursive: true })
      await writeFile(path.join(host.artefacts, 'from-nothing-seconds.json'), JSON.stringify(steps, null, 2))
    }
    console.log(JSON.stringify(steps))
  })
})
