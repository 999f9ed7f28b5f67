/** The tour with the real server and the real 0.5B model: the way of a user through all three features. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, afterEach, before, suite, test } from 'node:test'
import { act, button, diffIsGone, newSide, streamed } from './actions.mjs'
import { animated, film } from './film.mjs'
import * as reviewing from './review.mjs'
import { host, open, until } from './workbench.mjs'

/** How long a suggestion or a change is looked at in a film or a picture before it is accepted. */
const LOOK_MS = 1000

/** The command line of the server. */
const SERVER = 'qwen_lsp\0serve'

const INVENTORY = `"""An inventory of parts."""


def total_price(prices: list[float]) -> float:
    """Return the sum of all prices."""
    `
const PARTS = `def cheapest(parts):
    best = None
    for part in parts:
        if best is None or part.price < best.price:
            best = part
    return best
`

/** What the suites share. */
export const tour = {}

suite('the real model', { timeout: 900_000 }, () => {
  before(async () => {
    tour.vscode = await open({
      files: { 'inventory.py': INVENTORY, 'words.py': INVENTORY, 'parts.py': PARTS, 'explained.py': PARTS, ...reviewing.files },
      vsix: [host.vsix],
      settings: {
        'qwenLsp.engine.lingerSeconds': 1,
        'git.enabled': true,
        'git.openRepositoryInParentFolders': 'never',
        // Other tests run beside this one.
        'qwenLsp.actions.timeoutMs': 300_000,
        'qwenLsp.completion.timeoutMs': 60_000,
      },
      prepare: ({ folder }) => reviewing.change(folder),
    })
  })
  after(() => tour.vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await tour.vscode?.failed(context.name)
  })

  /** Write at the end of a file, ask, and return the suggestion. */
  async function ask(name) {
    const { vscode } = tour
    await vscode.openFile(name)
    await vscode.statusIs(/ready/i)
    await vscode.goToEnd()
    await vscode.type('return ', 60)
    // By hand, because an automatic suggestion may be held back when the model is not sure of it.
    await vscode.press('Alt+\\')
    return vscode.ghostText()
  }

  test('a model is downloaded after a yes, and used without a restart', async () => {
    const { vscode } = tour
    await vscode.openFile('inventory.py')
    await vscode.statusIs(/not on this machine/)
    const [server] = await vscode.processes(SERVER)
    await vscode.command('Qwen: Select Model')
    await vscode.choices(/download of 0\.5 GB/)
    await vscode.picture('models')
    await vscode.choose('qwen2.5-coder-0.5b')
    await vscode.page.locator('.monaco-dialog-box', { hasText: /0\.5 GB, licence: / }).waitFor()
    await vscode.picture('download question')
    await vscode.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Download' }).click()
    await vscode.notification(/Downloading qwen2\.5-coder-0\.5b[^]*%/)
    await vscode.picture('download')
    await vscode.statusIs(/ready/i)
    assert.deepEqual(await vscode.processes(SERVER), [server])
  })

  test('ghost text appears, Tab accepts it, the file on disk is right', async () => {
    const { vscode } = tour
    const ghost = await ask('inventory.py')
    await vscode.picture('ghost-text')
    await vscode.press('Tab')
    await vscode.noGhost()
    const saved = await vscode.save('inventory.py')
    // The suggestion may have grown between the look at it and the key.
    assert.ok(saved.startsWith(`${INVENTORY}return ${ghost.trimEnd()}`), saved)
  })

  // For the pictures alone: what it shows is tested above.
  if (host.artefacts) test('the next function is written with it, on film', async () => {
    const { vscode } = tour
    await vscode.goToEnd()
    const write = async (isPoster) => {
      for (let n = 0; n < 3; n++) await vscode.press('Enter')
      await vscode.press('Shift+Tab')
      await vscode.type('def average_price(prices: list[float]) -> float:', 50)
      await vscode.press('Enter')
      await vscode.type('return ', 80)
      await vscode.press('Alt+\\')
      await vscode.ghostText()
      await isPoster()
      await sleep(LOOK_MS)
      await vscode.press('Tab')
      await vscode.noGhost()
    }
    const frames = await film(vscode.page, { x: 328, y: 36, width: 560, height: 290 }, write)
    await writeFile(path.join(host.artefacts, 'film.png'), animated(frames))
    assert.match(await vscode.save('inventory.py'), /\n\ndef average_price\(.*\n {4}return \S/)
  })

  test('a word of it is accepted', async () => {
    const { vscode } = tour
    const ghost = await ask('words.py')
    await vscode.press('Control+ArrowRight')
    const [word] = /^\w+/.exec(ghost)
    await until('the word is there', async () => (await vscode.lines()).some((line) => line.includes(`return ${word}`)))
    await vscode.press('Escape')
    assert.equal(await vscode.save('words.py'), `${INVENTORY}return ${word}`)
  })

  test('an action is streamed, and accepting it changes the file', async () => {
    const { vscode } = tour
    await act(vscode, 'parts.py', 'Write documentation', false)
    await streamed(vscode)
    const promised = new Set(await newSide(vscode))
    if (host.artefacts) await sleep(LOOK_MS)
    await vscode.picture('action')
    await button(vscode, 'Accept Change').click()
    await diffIsGone(vscode)
    const saved = await vscode.save('parts.py')
    for (const line of saved.split('\n')) assert.ok(!line || promised.has(line), `not on the screen: ${line}`)
    assert.match(saved, /^def cheapest\(parts\):\n {4}"""[^]*"""\n {4}best = None/)
  })

  test('an explanation is shown as Markdown', async () => {
    const { vscode } = tour
    await act(vscode, 'explained.py', 'Explain', false)
    await vscode.webview(/cheapest|part|price/i)
    await vscode.statusIs(/ready/i)
    await vscode.picture('explanation')
    assert.equal(await readFile(path.join(vscode.folder, 'explained.py'), 'utf8'), PARTS)
    await vscode.closeTab('Preview explanation.md')
  })

  test('a review finds the seeded bug, and its quick fix repairs it', async () => {
    const { vscode } = tour
    await vscode.openFile('shop.py')
    await reviewing.reviewFromSourceControl(vscode)
    await reviewing.squiggles(vscode).first().waitFor()
    await vscode.focusEditor()
    await vscode.goTo(2, 30)
    await vscode.lightBulb('Fix: ')
    await until('it is applied', async () => (await vscode.save('shop.py')).includes('range(len(items)):'))
  })

  test('a killed engine is reported, and comes back', async () => {
    const { vscode } = tour
    const [engine] = await vscode.processes('qwen_lsp.model.engine_host')
    process.kill(engine, 'SIGKILL')
    const reported = await vscode.statusIs(/stopped|loading|ended/i)
    await vscode.statusIs(/ready/i)
    const [again] = await vscode.processes('qwen_lsp.model.engine_host')
    assert.notEqual(again, engine, reported)
    await vscode.openFile('words.py')
    await vscode.goToEnd()
    await vscode.type('(')
    await vscode.press('Alt+\\')
    await vscode.ghostText()
  })
})
