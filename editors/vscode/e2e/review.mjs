/** Reviews: a repository with a seeded change, how a user goes through what is found, and the suite that does. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { suite, test } from 'node:test'
import { until } from './workbench.mjs'

const SHOP = 'def total(items):\n    return sum(items)\n'
const CHANGED = `def total(items):
    for index in range(len(items) + 1):
        print(items[index])
    return sum(items) if items != None else 0
`
const ORDERS = `def read(text):
    return eval(text)


def close(order):
    if order == None:
        return
    try:
        order.ship()
    except:
        pass
`

export const files = { 'shop.py': SHOP }
/** Remarks too, which are not shown unasked. */
export const remarks = { '.qwen-lsp.toml': '[review]\nmin_severity = "info"\n' }

function git(folder, ...args) {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', ['-C', folder, ...who, ...args], { stdio: 'ignore' })
}

/** Make a repository of a folder, with all that is in it. */
export function commit(folder) {
  git(folder, 'init', '-q', '-b', 'main')
  git(folder, 'add', '.')
  git(folder, 'commit', '-qm', 'one')
}

/** Commit what is in the folder, and make the change that is reviewed. */
export async function change(folder) {
  commit(folder)
  await writeFile(path.join(folder, 'shop.py'), CHANGED)
  await writeFile(path.join(folder, 'orders.py'), ORDERS)
}

/** Click the button of the Source Control view that reviews. */
export async function reviewFromSourceControl(vscode) {
  await showSourceControl(vscode)
  const title = vscode.page.locator('.pane-header', { hasText: /^(Changes|Source Control)/ }).first()
  await title.hover()
  await vscode.page.locator('.pane-header a[aria-label="Review Changes"]').first().click()
  for (const name of ['Changes', 'Graph']) {
    const other = vscode.page.locator(`.pane-header[aria-label^="${name}"]`)
    if ((await other.getAttribute('aria-expanded')) === 'true') await other.click({ position: { x: 20, y: 10 } })
  }
}

const pane = (vscode) => vscode.page.locator('.pane:has(.pane-header[aria-label^="Qwen Review"])')
const row = (vscode, finding) => pane(vscode).locator('.monaco-list-row', { hasText: finding }).first()

async function showSourceControl(vscode) {
  if (!(await pane(vscode).isVisible())) await vscode.press('Control+Shift+g')
  await pane(vscode).waitFor()
}

/** Return the rows of the tree of findings. */
async function rows(vscode) {
  await showSourceControl(vscode)
  const texts = await pane(vscode).locator('.monaco-list-row').allInnerTexts()
  return texts.map((text) => text.replaceAll('\n', ' '))
}

/** Return the rows of the tree of findings, once there is one as wanted. */
export async function tree(vscode, pattern) {
  return until(`the tree has ${pattern}`, async () => {
    const found = await rows(vscode)
    return found.some((text) => pattern.test(text)) && found
  })
}

async function treeLacks(vscode, pattern) {
  await until(`the tree forgets ${pattern}`, async () => !(await rows(vscode)).some((text) => pattern.test(text)))
}

export const squiggles = (vscode) => vscode.page.locator('.squiggly-error, .squiggly-warning, .squiggly-info')

/** Open a comment from the Comments panel, and return its widget beside the code. */
export async function comment(vscode, message) {
  await vscode.page.locator('.comments-panel .monaco-list-row', { hasText: message }).first().click()
  const widget = vscode.page.locator('.review-widget').filter({ hasText: message }).first()
  await widget.waitFor()
  return widget
}

export function review(tour) {
  suite('review', () => {
    const onDisk = (name) => readFile(path.join(tour.vscode.folder, name), 'utf8')

    test('a review shows squiggles, the tree by file and severity, and the Comments panel', async () => {
      const { vscode } = tour
      await vscode.openFile('shop.py')
      await reviewFromSourceControl(vscode)
      const found = await tree(vscode, /off-by-one/)
      const names = /orders\.py|shop\.py|code-injection|bare-except|swallowed-error|off-by-one|compare-to-none/
      assert.deepEqual(found.map((text) => names.exec(text)?.[0]), [
        'shop.py', 'off-by-one', 'compare-to-none',
        'orders.py', 'code-injection', 'bare-except', 'compare-to-none', 'swallowed-error',
      ])
      await squiggles(vscode).first().waitFor()
      await vscode.picture('review')
      await vscode.command('Comments: Focus on Comments View')
      await vscode.page.locator('.comments-panel .monaco-list-row', { hasText: 'The last index' }).waitFor()
      await vscode.picture('comments')
    })

    test('its quick fix applies, and the finding is gone everywhere', async () => {
      const { vscode } = tour
      await vscode.openFile('shop.py')
      await vscode.focusEditor()
      await vscode.goTo(2, 30)
      await vscode.lightBulb('Fix: ')
      await until('it is applied', async () => (await vscode.save('shop.py')).includes('range(len(items)):'))
      await treeLacks(vscode, /off-by-one/)
    })

    test('a comment has the suggestion, and accepting it changes the file', async () => {
      const { vscode } = tour
      const widget = await comment(vscode, /!=/)
      await widget.getByText('return sum(items) if items is not None else 0').waitFor()
      await vscode.picture('comment')
      await widget.locator('a[aria-label^="Accept Suggestion"]').click()
      await until('it is applied', async () => (await vscode.save('shop.py')).includes('items is not None'))
      await widget.waitFor({ state: 'hidden' })
    })

    test('a finding, and a rule, are dismissed for good', async () => {
      const { vscode } = tour
      // The tree may be redrawn under the pointer, and the click be lost.
      await until('the tree forgets it', async () => {
        const found = row(vscode, 'code-injection')
        if (!(await found.isVisible())) return true
        await found.hover({ timeout: 3000 }).catch(() => {})
        await found.locator('a[aria-label^="Dismiss Finding"]').click({ timeout: 3000 }).catch(() => {})
        return found.waitFor({ state: 'hidden', timeout: 5000 }).then(() => true, () => false)
      })
      const widget = await comment(vscode, 'also catches')
      await widget.locator('a[aria-label^="Dismiss This Rule"]').click()
      await treeLacks(vscode, /bare-except/)
      const kept = await onDisk('.qwen-lsp/dismissed.toml')
      assert.match(kept, /fingerprint = "/)
      assert.match(kept, /rule = "bare-except"/)
      await vscode.command('Qwen: Review Changes')
      await pane(vscode).getByText('Dismissed: 2').waitFor()
      await tree(vscode, /swallowed-error/)
      await treeLacks(vscode, /bare-except|code-injection/)
    })

    test('the findings are exported, and cleared', async () => {
      const { vscode } = tour
      await vscode.command('Qwen: Export Findings…')
      const name = vscode.page.locator('.quick-input-widget input[type="text"]')
      await until('a name is proposed', async () => (await name.inputValue()).endsWith('/review.md'))
      await vscode.press('Enter')
      const exported = await until('it is written', () => onDisk('review.md').catch(() => ''))
      assert.match(exported, /^# Review[^]*## orders\.py[^]*\*\*info\*\* `swallowed-error`, line/)
      await vscode.command('Qwen: Clear Findings')
      await treeLacks(vscode, /swallowed-error/)
      await vscode.openFile('orders.py')
      await until('no squiggle is left', async () => (await squiggles(vscode).count()) === 0)
      await vscode.press('Control+j') // the panel goes
    })
  })
}
