/** Code actions: how a user runs one, and what the scripted engine shows of them. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { suite, test } from 'node:test'
import { again, until } from './workbench.mjs'

const loop = (name) => `def ${name}(prices):
    result = 0
    for price in prices:
        result = result + price
    return result
`
const SIMPLER = 'def total(prices):\n    return sum(prices)\n'

export const files = Object.fromEntries(
  ['total', 'discarded', 'changed', 'instructed']
    .map((name) => [`${name}.py`, loop('total')])
    .concat(['forever', 'failing', 'explained', 'tested'].map((name) => [`${name}.py`, loop(name)])),
)

/**
 * Choose an action of the light bulb: for the whole file, or for the function of its first line. A busy window
 * may lose the choice; nothing shows then, and it is chosen again.
 */
export async function act(vscode, name, title, isForAll = true) {
  await vscode.openFile(name)
  await vscode.statusIs(/ready/i)
  await vscode.focusEditor()
  await vscode.press('Control+Home')
  if (isForAll) await vscode.press('Control+a')
  // The message of a moment ago is no sign.
  await until('no message is shown', async () => !(await vscode.page.locator('.notification-toast').count()))
  const shown = ['.monaco-diff-editor', '.notification-toast', '.tab[aria-label*="explanation"]']
  const signs = vscode.page.locator(
    [...shown, `.statusbar-item:has-text("${title}")`].map((place) => `${place}:visible`).join(', '),
  )
  await again(`the choice of ${title}`, () => vscode.lightBulb(title), signs)
}

/** A button of the diff's title. */
export const button = (vscode, title) => vscode.page.locator(`.editor-actions a[aria-label^="${title}"]`)

/** Wait for the whole change; return every text that its side of the diff had on the way. */
export async function streamed(vscode) {
  const seen = new Set()
  await until('the change is whole', async () => {
    seen.add((await newSide(vscode)).join('\n'))
    return button(vscode, 'Accept Change').isVisible()
  })
  return seen
}

/** Return the lines of the diff's new side, as they show. */
export const newSide = (vscode) => vscode.lines('.monaco-diff-editor .editor.modified .view-line')

export async function diffIsGone(vscode) {
  await vscode.page.locator('.monaco-diff-editor').waitFor({ state: 'hidden' })
}

export function actions(tour) {
  suite('code actions', () => {
    const onDisk = (name) => readFile(path.join(tour.vscode.folder, name), 'utf8')

    test('an action is streamed into a diff, and accepting it changes the file', async () => {
      const { vscode } = tour
      await act(vscode, 'total.py', 'Simplify')
      const seen = await streamed(vscode)
      assert.ok(seen.size > 1, `it came in ${seen.size} steps: ${[...seen].join('\n--\n')}`)
      assert.equal(await onDisk('total.py'), files['total.py'], 'nothing has changed before the yes')
      await button(vscode, 'Accept Change').click()
      await diffIsGone(vscode)
      assert.equal(await vscode.save('total.py'), SIMPLER)
    })

    test('a change that is discarded leaves the file alone', async () => {
      const { vscode } = tour
      await act(vscode, 'discarded.py', 'Simplify')
      await streamed(vscode)
      await button(vscode, 'Discard Change').click()
      await diffIsGone(vscode)
      assert.equal(await onDisk('discarded.py'), files['discarded.py'])
    })

    test('a change of a text that has changed since is refused', async () => {
      const { vscode } = tour
      await act(vscode, 'changed.py', 'Simplify')
      await streamed(vscode)
      await vscode.openFile('changed.py')
      await vscode.goToEnd()
      await vscode.type('# mine')
      await vscode.page.locator('.tab', { hasText: 'Simplify — changed.py' }).click()
      await button(vscode, 'Accept Change').click()
      const reported = await vscode.notification(/changed since/)
      await diffIsGone(vscode)
      await vscode.dismissNotification(reported)
      await vscode.openFile('changed.py')
      assert.equal(await vscode.save('changed.py'), `${files['changed.py']}# mine`)
    })

    test('discarding a change while it is written ends the generation', async () => {
      const { vscode } = tour
      await act(vscode, 'forever.py', 'Simplify')
      await until('it writes', async () => (await newSide(vscode)).some((line) => line.includes('prices + [')))
      await button(vscode, 'Discard Change').click()
      await diffIsGone(vscode)
      await vscode.statusIs(/ready/i)
      assert.equal(await onDisk('forever.py'), files['forever.py'])
      // what became of the generation is looked at where the engine is
    })

    test('a failure is reported, and no diff stays open', async () => {
      const { vscode } = tour
      await act(vscode, 'failing.py', 'Simplify')
      const reported = await vscode.notification(/500/)
      await vscode.picture('action failed')
      await diffIsGone(vscode)
      await vscode.dismissNotification(reported)
      assert.equal(await onDisk('failing.py'), files['failing.py'])
    })

    test('an explanation is streamed into a Markdown preview', async () => {
      const { vscode } = tour
      await act(vscode, 'explained.py', 'Explain')
      const first = await vscode.webview(/It adds/)
      const whole = await vscode.webview(/It adds up all prices:[^]*it returns the sum\./)
      assert.ok(first.length < whole.length, 'it came in one piece')
      await vscode.closeTab('Preview explanation.md')
    })

    test('a test is shown in the file that it goes to', async () => {
      const { vscode } = tour
      await act(vscode, 'tested.py', 'Write a unit test', false)
      await streamed(vscode)
      await vscode.picture('test')
      await until('its import is there', async () => (await newSide(vscode)).includes('from tested import tested'))
      await button(vscode, 'Accept Change').click()
      await diffIsGone(vscode)
      await vscode.page.waitForSelector('.tab.active[data-resource-name="test_tested.py"]')
      const name = await vscode.activePath()
      const saved = await vscode.save(name)
      assert.match(saved, /^from tested import tested\n\n\ndef test_tested\(\):\n {4}assert/)
      assert.equal(await onDisk('tested.py'), files['tested.py'])
    })

    test('an instruction changes the selection, accepted by a key', async () => {
      const { vscode } = tour
      await vscode.openFile('instructed.py')
      await vscode.focusEditor()
      await vscode.press('Control+a')
      await vscode.command('Qwen: Edit by Instruction…')
      await vscode.answer('use sum')
      await streamed(vscode)
      await vscode.press('Control+Enter')
      await diffIsGone(vscode)
      assert.equal(await vscode.save('instructed.py'), SIMPLER)
    })
  })
}
