/** Code actions and reviews: the real server with its rules, the scripted engine in place of a model. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { host, open, until } from './workbench.mjs'

const LOOP = `def total(prices):
    result = 0
    for price in prices:
        result = result + price
    return result
`
const SHOP = 'def total(items):\n    return sum(items)\n'
const CHANGED = `def total(items):
    for index in range(len(items) + 1):
        print(items[index])
    return sum(items)
`

function git(folder, ...args) {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', ['-C', folder, ...who, ...args], { stdio: 'ignore' })
}

suite('actions and reviews', { timeout: 600_000 }, () => {
  let vscode
  before(async () => {
    vscode = await open({
      files: { 'loop.py': LOOP, 'shop.py': SHOP },
      vsix: [host.vsix],
      settings: { 'qwenLsp.endpoint.url': host.engine, 'git.enabled': true, 'git.openRepositoryInParentFolders': 'never' },
      prepare: async (folder) => {
        git(folder, 'init', '-q', '-b', 'main')
        git(folder, 'add', '.')
        git(folder, 'commit', '-qm', 'one')
        await writeFile(path.join(folder, 'shop.py'), CHANGED)
      },
    })
  })
  after(() => vscode?.close())
  afterEach(async (context) => {
    if (!context.passed && vscode) await vscode.picture(`failed ${context.name}`)
  })

  const onDisk = (name) => readFile(path.join(vscode.folder, name), 'utf8')

  async function simplify() {
    await vscode.openFile('loop.py')
    await vscode.focusEditor()
    await vscode.press('Control+a')
    const row = vscode.page.locator('.action-widget .monaco-list-row').filter({ hasText: 'Simplify' })
    await until('the light bulb offers it', async () => {
      await vscode.press('Control+.')
      return row.first().waitFor({ timeout: 5000 }).then(() => true, () => false)
    })
    await vscode.picture('light-bulb')
    await row.first().click()
    await vscode.page.waitForSelector('.monaco-diff-editor')
  }

  test('an action of the light bulb is streamed into a diff, and accepting it changes the file', async () => {
    await vscode.openFile('loop.py')
    await vscode.statusIs(/ready/i)
    await simplify()
    const accept = vscode.page.locator('.editor-actions a[aria-label^="Accept Change"]')
    await accept.waitFor()
    await vscode.picture('action')
    assert.equal(await onDisk('loop.py'), LOOP, 'nothing has changed before the yes')
    await accept.click()
    await vscode.page.waitForSelector('.monaco-diff-editor', { state: 'hidden' })
    assert.equal(await vscode.save('loop.py'), 'def total(prices):\n    return sum(prices)\n')
  })

  test('a discarded change leaves the file alone', async () => {
    await vscode.press('Control+z')
    await vscode.save('loop.py')
    await simplify()
    await vscode.page.locator('.editor-actions a[aria-label^="Discard Change"]').click()
    await vscode.page.waitForSelector('.monaco-diff-editor', { state: 'hidden' })
    assert.equal(await onDisk('loop.py'), LOOP)
  })

  test('a review shows a squiggle, a comment and the tree', async () => {
    await vscode.openFile('shop.py')
    await vscode.command('Qwen: Review Changes')
    await vscode.page.waitForSelector('.squiggly-warning, .squiggly-error, .squiggly-info')
    await vscode.page
      .locator('.pane-body .monaco-list-row')
      .filter({ hasText: /shop\.py/ })
      .first()
      .waitFor()
    await vscode.page.locator('.comment-thread, .comment-range-glyph').first().click()
    await vscode.page.waitForSelector('.review-widget .comment-body')
    await vscode.picture('review')
  })

  test('accepting its suggestion changes the file', async () => {
    await vscode.page.locator('.review-widget a[aria-label^="Accept Suggestion"]').first().click()
    await until('the loop ends at the last item', async () => !(await vscode.save('shop.py')).includes('+ 1'))
    await vscode.page.waitForSelector('.review-widget .comment-body', { state: 'hidden' })
  })
})
