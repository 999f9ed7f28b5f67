/**
 * What a user with a Chinese VS Code reads: commands, status, actions, findings. The language pack is an empty one,
 * registered as VS Code does when it installs one: what is not ours stays English. For pictures it is in `host.pack`.
 */
import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { CALL } from './completion.mjs'
import * as reviewing from './review.mjs'
import { again, host, open, until } from './workbench.mjs'

const CHINESE = /\p{Script=Han}/u

async function installLanguagePack(data) {
  const translations = { vscode: path.join(data, 'translation.json') }
  await writeFile(translations.vscode, JSON.stringify({ contents: {} }))
  for (const name of host.pack ? await readdir(host.pack) : [])
    translations[name === 'main.json' ? 'vscode' : name.replace(/\.json$/, '')] = path.join(host.pack, name)
  const extensions = [{ extensionIdentifier: { id: 'qwen-lsp.chinese' }, version: '1.0.0' }]
  const pack = { hash: 'none', extensions, label: '中文(简体)', translations }
  await writeFile(path.join(data, 'languagepacks.json'), JSON.stringify({ 'zh-cn': pack }))
}

suite('in Chinese', { timeout: 600_000 }, () => {
  let vscode
  before(async () => {
    vscode = await open({
      files: { ...reviewing.files, 'sum.py': CALL },
      vsix: [host.vsix],
      locale: 'zh-cn',
      height: 760,
      settings: { 'qwenLsp.endpoint.url': host.engine, 'git.enabled': true },
      prepare: async ({ folder, data }) => {
        await reviewing.change(folder)
        await installLanguagePack(data)
      },
    })
  })
  after(() => vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await vscode?.failed(context.name)
  })

  test('the status, its tooltip and its menu', async () => {
    await vscode.openFile('sum.py')
    await vscode.statusIs(/就绪/)
    await vscode.hoverUntil(vscode.statusItem(), vscode.page.locator('.monaco-hover', { hasText: /就绪/ }).first())
    await vscode.picture('chinese-status')
    await vscode.statusItem().click()
    await vscode.choices(/全部暂停/)
    await vscode.press('Escape')
  })

  test('the actions of the light bulb', async () => {
    await vscode.focusEditor()
    await vscode.goTo(2, 6)
    await again('the choice of an explanation', () => vscode.lightBulb('解释'), vscode.page.locator('.tab[aria-label*="解释"]'))
    await vscode.webview(/返回它们的和/)
    await vscode.picture('chinese-explanation')
    await vscode.closeTab('解释')
    await vscode.focusEditor()
  })

  test('a review by a command of the palette', async () => {
    await vscode.openFile('shop.py')
    await vscode.command('Qwen: 审查更改')
    await vscode.page.locator('.pane-header[aria-label^="Qwen 审查"]').waitFor()
    await until('the findings speak Chinese', async () => {
      const rows = await vscode.page.locator('.pane-body .monaco-list-row').allInnerTexts()
      return rows.some((row) => /off-by-one/.test(row) && CHINESE.test(row))
    })
    await reviewing.squiggles(vscode).first().waitFor()
    await vscode.command(host.pack ? '评论: 焦点在 评论 视图上' : 'Comments: Focus on Comments View')
    const comment = vscode.page.locator('.comments-panel .monaco-list-row', { hasText: '最后一个下标' }).first()
    await comment.waitFor()
    await vscode.picture('chinese')
    assert.match(await vscode.page.locator('.comments-panel').innerText(), CHINESE)
  })

  test('a model server with a key is used in place of the one of the settings, and given up again', async () => {
    const asked = (text) => vscode.page.locator('.quick-input-widget', { hasText: text }).waitFor()
    const file = path.join(vscode.home, '.config', 'qwen-lsp', 'config.toml')
    const settings = path.join(vscode.data, 'Machine', 'settings.json')
    await vscode.openFile('sum.py')
    await vscode.command('Qwen: 选择模型')
    await vscode.find('使用模型服务器')
    await vscode.find('其他地址')
    await asked(/兼容 OpenAI/)
    await vscode.answer(host.other)
    await asked(/API 密钥/)
    await vscode.answer(host.otherKey)
    await asked(/模型名称/)
    await vscode.answer('')
    await vscode.dismissNotification(await vscode.notification(/今后使用/))
    const written = await readFile(file, 'utf8')
    assert.ok(written.includes(host.other), written)
    const key = /apiKeyFile = "(.+)"/.exec(written)[1]
    assert.equal((await readFile(key, 'utf8')).trim(), host.otherKey)
    assert.equal((await stat(key)).mode & 0o777, 0o600)
    assert.ok(!(await readFile(settings, 'utf8')).includes('endpoint.url'))
    await vscode.statusIs(/就绪/)
    await vscode.goToEnd()
    await vscode.type(' ')
    await vscode.ghostText((text) => text === 'add(left, right)')

    await vscode.command('Qwen: 选择模型')
    await vscode.find('使用本机引擎')
    await until('it is out of the settings', async () => !(await readFile(file, 'utf8')).includes(host.other))
    await assert.rejects(stat(key))
  })
})
