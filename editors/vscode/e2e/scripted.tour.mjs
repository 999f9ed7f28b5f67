/**
 * The tour against the scripted engine, whose answers hang on the file's name (tests/editors/vscode/scripted.py):
 * everything that needs exact texts, slow streams or failures.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { host, open, until } from './workbench.mjs'

const CALL = 'def add(left, right):\n    return left + right\n\n\ntotal = '
const SUGGESTED = 'add(left, right)'

suite('the scripted engine', { timeout: 600_000 }, () => {
  let vscode
  before(async () => {
    const files = {}
    for (const name of ['accept', 'words', 'through', 'dismiss', 'widget', 'paused', 'broken', 'asked'])
      files[`${name}.py`] = CALL
    files['slow.py'] = files['endless.py'] = 'first = second = 1\nprint('
    files['indented.py'] = 'def one():\n'
    vscode = await open({
      files,
      vsix: [host.vsix],
      settings: {
        'qwenLsp.endpoint.url': host.engine,
        'editor.suggest.showWords': true,
        'editor.wordBasedSuggestions': 'currentDocument',
      },
    })
  })
  after(() => vscode?.close())
  afterEach(async (context) => {
    if (!context.passed && vscode) await vscode.picture(`failed ${context.name}`)
  })

  async function openAtEnd(name) {
    await vscode.openFile(name)
    await vscode.goToEnd()
  }

  /** Open a file and write something at its end that the engine answers. */
  async function ask(name, typed = ' ') {
    await openAtEnd(name)
    await vscode.press('Backspace')
    await vscode.type(typed)
    return vscode.ghostText((text) => text === SUGGESTED)
  }

  test('the status bar says that the server is ready', async () => {
    await openAtEnd('accept.py')
    await vscode.statusIs(/ready/i)
  })

  test('Tab accepts the ghost text and the file on disk is right', async () => {
    assert.equal(await ask('accept.py'), SUGGESTED)
    await vscode.press('Tab')
    await vscode.noGhost()
    assert.equal(await vscode.save('accept.py'), CALL + SUGGESTED)
  })

  test('Ctrl+Right accepts a word', async () => {
    await ask('words.py')
    await vscode.press('Control+ArrowRight')
    await vscode.ghostText((text) => text === SUGGESTED.slice('add'.length))
    assert.equal(await vscode.save('words.py'), `${CALL}add`)
  })

  test('typing what is suggested keeps the rest on the screen', async () => {
    await ask('through.py')
    await vscode.type('add', 30)
    await vscode.ghostText((text) => text === SUGGESTED.slice('add'.length))
  })

  test('Escape puts the suggestion away', async () => {
    await ask('dismiss.py')
    await vscode.press('Escape')
    await vscode.noGhost()
    assert.equal(await vscode.save('dismiss.py'), CALL)
  })

  test('the ghost text grows while the model writes', async () => {
    const lengths = new Set()
    await openAtEnd('slow.py')
    await vscode.press('Backspace')
    await vscode.type('(')
    await vscode.ghostText((text) => {
      lengths.add(text.length)
      return text.startsWith('first') && text.includes('seventh')
    })
    assert.ok(lengths.size > 2, `it came in ${lengths.size - 1} pieces`)
  })

  test('other text ends a generation that is under way', async () => {
    await openAtEnd('endless.py')
    await vscode.press('Backspace')
    await vscode.type('(')
    await vscode.ghostText()
    await vscode.type('x')
    await vscode.noGhost()
    await vscode.press('Escape')
    // what became of the generation is looked at where the engine is
  })

  test('Tab belongs to the open suggest widget', async () => {
    await openAtEnd('widget.py')
    await vscode.press('Enter')
    await vscode.type('tot')
    await vscode.press('Control+Space')
    await vscode.page.waitForSelector('.suggest-widget.visible .monaco-list-row')
    await vscode.press('Tab')
    await vscode.page.waitForSelector('.suggest-widget.visible', { state: 'hidden' })
    assert.equal(await vscode.save('widget.py'), `${CALL}\ntotal`)
  })

  test('Tab indents where only white space stands before the cursor', async () => {
    await openAtEnd('indented.py')
    await vscode.press('Alt+\\')
    assert.match(await vscode.ghostText(), /return 1/)
    await vscode.press('Tab')
    assert.equal(await vscode.save('indented.py'), 'def one():\n    ')
  })

  test('a paused file gets nothing until it is asked for', async () => {
    await openAtEnd('paused.py')
    await vscode.statusItem().click()
    await vscode.choices(/Pause in this file/)
    await vscode.picture('menu')
    await vscode.choose('Pause in this file')
    await vscode.statusIs(/paused/i)
    await vscode.goToEnd()
    await vscode.press('Alt+\\')
    assert.equal(await vscode.ghostText(), SUGGESTED)
    await vscode.press('Escape')
    await vscode.command('Qwen: Pause or Resume in This File')
    await vscode.statusIs(/ready/i)
  })

  test('the last decision and the exact prompt can be read', async () => {
    await ask('asked.py')
    await vscode.press('Escape')
    await vscode.command('Qwen: Explain the Last Decision')
    const told = await vscode.webview(/add\(left, right\)/)
    assert.match(told, /Outcome/)
    await vscode.picture('explain')
    await vscode.press('Control+w')
    await vscode.openFile('asked.py')
    await vscode.command('Qwen: Show the Exact Last Prompt')
    await vscode.page.waitForSelector('.tab.active[data-resource-name="last prompt.txt"]')
    await until('the prompt is there', async () => (await vscode.lines()).join('\n').includes('fim_middle'))
    await vscode.picture('prompt')
  })

  test('the statistics count what was shown and accepted', async () => {
    await vscode.command('Qwen: Show Statistics')
    const told = await vscode.webview(/python/)
    const [, shown, accepted] = /python\s+(\d+)\s+(\d+)/.exec(told)
    assert.ok(Number(shown) >= 4, told)
    assert.equal(accepted, '1', told)
    await vscode.picture('statistics')
  })

  test('the model picker lists the catalog', async () => {
    await vscode.command('Qwen: Select Model')
    await vscode.choices(/qwen2\.5-coder-0\.5b/)
    await vscode.picture('models')
    await vscode.press('Escape')
  })

  test('a failing engine is told in the status bar, and forgotten when it works again', async () => {
    await openAtEnd('broken.py')
    await vscode.press('Alt+\\')
    await vscode.statusIs(/500|fail/i)
    await vscode.picture('error')
    await vscode.openFile('asked.py')
    await vscode.goToEnd()
    await vscode.type('\ntotal = ')
    await vscode.ghostText()
    await vscode.statusIs(/ready/i)
  })
})
