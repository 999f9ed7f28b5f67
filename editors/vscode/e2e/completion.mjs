/** Completion against the scripted engine: everything that needs exact texts, slow streams or failures. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite, test } from 'node:test'
import { until } from './workbench.mjs'

export const CALL = 'def add(left, right):\n    return left + right\n\n\ntotal = '
const SUGGESTED = 'add(left, right)'

/** Some times as long as a suggestion of the scripted engine takes, where none must come; the engine's log is looked at, too. */
const LULL_MS = 500

const names = ['accept', 'words', 'through', 'dismiss', 'widget', 'snippet', 'others', 'paused', 'broken', 'asked']

export const files = {
  ...Object.fromEntries(names.map((name) => [`${name}.py`, CALL])),
  'slow.py': 'first = second = 1\nprint(',
  'endless.py': 'first = second = 1\nprint(',
  'indented.py': 'def one():\n',
  'lines.py': 'def both(first, second):',
}

/** A snippet of the user, in the form of VS Code. */
export const snippets = { python: { pair: { prefix: 'pair', body: 'pair(${1:one}, ${2:two})$0' } } }

export function completion(tour) {
  suite('completion', () => {
    async function openAtEnd(name) {
      await tour.vscode.openFile(name)
      await tour.vscode.goToEnd()
    }

    /** Open a file and write something at its end that the engine answers. */
    async function ask(name, typed = ' ') {
      await openAtEnd(name)
      await tour.vscode.press('Backspace')
      await tour.vscode.type(typed)
      return tour.vscode.ghostText((text) => text === SUGGESTED)
    }

    test('the status bar says that the server is ready', async () => {
      await openAtEnd('accept.py')
      await tour.vscode.statusIs(/ready/i)
    })

    test('Tab accepts the ghost text and the file on disk is right', async () => {
      assert.equal(await ask('accept.py'), SUGGESTED)
      await tour.vscode.press('Tab')
      await tour.vscode.noGhost()
      assert.equal(await tour.vscode.save('accept.py'), CALL + SUGGESTED)
    })

    test('Ctrl+Right accepts a word', async () => {
      await ask('words.py')
      await tour.vscode.press('Control+ArrowRight')
      await tour.vscode.ghostText((text) => text === SUGGESTED.slice('add'.length))
      assert.equal(await tour.vscode.save('words.py'), `${CALL}add`)
    })

    test('Ctrl+Alt+Right accepts a line', async () => {
      await openAtEnd('lines.py')
      await tour.vscode.press('Enter')
      await tour.vscode.press('Alt+\\')
      await tour.vscode.ghostText((text) => text.includes('return total'))
      await tour.vscode.press('Control+Alt+ArrowRight')
      await tour.vscode.ghostText((text) => !text.includes('first') && text.includes('return total'))
      const saved = await tour.vscode.save('lines.py')
      assert.equal(saved.trimEnd(), 'def both(first, second):\n    total = first + second')
    })

    test('Alt+] and Alt+[ go through the candidates', async () => {
      await ask('others.py')
      await tour.vscode.press('Alt+]')
      await tour.vscode.ghostText((text) => text === 'sum(left)')
      await tour.vscode.press('Alt+[')
      await tour.vscode.ghostText((text) => text === SUGGESTED)
      await tour.vscode.press('Alt+]')
      await tour.vscode.ghostText((text) => text === 'sum(left)')
      await tour.vscode.press('Tab')
      await tour.vscode.noGhost()
      assert.equal(await tour.vscode.save('others.py'), `${CALL}sum(left)`)
    })

    test('Tab goes through the places of a snippet, whatever is suggested', async () => {
      await openAtEnd('snippet.py')
      await tour.vscode.press('Enter')
      await tour.vscode.type('pair')
      await tour.vscode.press('Control+Space')
      await tour.vscode.page.locator('.suggest-widget.visible .monaco-list-row', { hasText: 'pair' }).first().waitFor()
      await tour.vscode.press('Tab')
      await until('the snippet is there', async () => (await tour.vscode.lines()).some((line) => line === 'pair(one, two)'))
      await tour.vscode.type('a')
      await tour.vscode.press('Alt+\\')
      await sleep(LULL_MS)
      await tour.vscode.press('Tab')
      await tour.vscode.type('b')
      await tour.vscode.press('Tab')
      await tour.vscode.type('  # end')
      assert.equal(await tour.vscode.save('snippet.py'), `${CALL}\npair(a, b)  # end`)
    })

    test('typing what is suggested keeps the rest on the screen', async () => {
      await ask('through.py')
      await tour.vscode.type('add', 30)
      await tour.vscode.ghostText((text) => text === SUGGESTED.slice('add'.length))
    })

    test('Escape puts the suggestion away', async () => {
      await ask('dismiss.py')
      await tour.vscode.press('Escape')
      await tour.vscode.noGhost()
      assert.equal(await tour.vscode.save('dismiss.py'), CALL)
    })

    test('the ghost text grows while the model writes', async () => {
      const lengths = new Set()
      await openAtEnd('slow.py')
      await tour.vscode.press('Backspace')
      await tour.vscode.type('(')
      await tour.vscode.ghostText((text) => {
        if (text) lengths.add(text.length)
        return text.startsWith('first') && text.includes('seventh')
      })
      assert.ok(lengths.size > 1, `it came in ${lengths.size} pieces`)
    })

    test('other text ends a generation that is under way', async () => {
      await openAtEnd('endless.py')
      await tour.vscode.press('Backspace')
      await tour.vscode.type('(')
      await tour.vscode.ghostText()
      await tour.vscode.type('x')
      await tour.vscode.noGhost()
      await tour.vscode.press('Escape')
      // what became of the generation is looked at where the engine is
    })

    test('Tab belongs to the open suggest widget', async () => {
      await openAtEnd('widget.py')
      await tour.vscode.press('Enter')
      await tour.vscode.type('tot')
      await tour.vscode.press('Control+Space')
      await tour.vscode.page.waitForSelector('.suggest-widget.visible .monaco-list-row')
      await tour.vscode.press('Tab')
      await tour.vscode.page.waitForSelector('.suggest-widget.visible', { state: 'hidden' })
      assert.equal(await tour.vscode.save('widget.py'), `${CALL}\ntotal`)
    })

    test('Tab indents where only white space stands before the cursor', async () => {
      await openAtEnd('indented.py')
      await tour.vscode.press('Alt+\\')
      assert.match(await tour.vscode.ghostText(), /return 1/)
      await tour.vscode.press('Tab')
      assert.equal(await tour.vscode.save('indented.py'), 'def one():\n    ')
    })

    test('what is paused gets nothing until it is asked for: a file, a language, everything', async () => {
      await openAtEnd('paused.py')
      await tour.vscode.statusItem().click()
      await tour.vscode.choices(/Pause in this file/)
      await tour.vscode.picture('menu')
      await tour.vscode.choose('Pause in this file')
      await tour.vscode.statusIs(/paused in this file/i)
      await tour.vscode.goToEnd()
      await tour.vscode.press('Alt+\\')
      assert.equal(await tour.vscode.ghostText(), SUGGESTED)
      await tour.vscode.press('Escape')
      await staysQuiet()
      await tour.vscode.openFile('dismiss.py')
      await tour.vscode.statusIs(/ready/i)
      await tour.vscode.openFile('paused.py')
      await tour.vscode.command('Qwen: Pause or Resume in This File')
      await tour.vscode.statusIs(/ready/i)
      for (const extent of ['in This Language', 'Everywhere']) {
        await tour.vscode.command(`Qwen: Pause or Resume ${extent}`)
        await tour.vscode.statusIs(new RegExp(`paused ${extent}`, 'i'))
        await tour.vscode.openFile('dismiss.py')
        await tour.vscode.statusIs(new RegExp(`paused ${extent}`, 'i'))
        await tour.vscode.openFile('paused.py')
        await staysQuiet()
        await tour.vscode.command(`Qwen: Pause or Resume ${extent}`)
        await tour.vscode.statusIs(/ready/i)
      }
      assert.equal(await tour.vscode.save('paused.py'), CALL)
    })

    /** Write what would be answered at once, see nothing, and take it back. */
    async function staysQuiet() {
      await tour.vscode.goToEnd()
      await tour.vscode.type('\nquiet = ')
      await sleep(LULL_MS)
      assert.equal(await tour.vscode.ghost(), '')
      for (const _ of '\nquiet = ') await tour.vscode.press('Backspace')
    }

    test('the last suggestion and the exact prompt can be read', async () => {
      await ask('asked.py')
      await tour.vscode.press('Escape')
      await tour.vscode.command('Qwen: Explain the Last Suggestion')
      const reported = await tour.vscode.webview(/add\(left, right\)/)
      assert.match(reported, /Outcome/)
      await tour.vscode.page.mouse.move(0, 0)
      await tour.vscode.picture('explain')
      await tour.vscode.press('Control+w')
      await tour.vscode.openFile('asked.py')
      await tour.vscode.command('Qwen: Show the Exact Last Prompt')
      await tour.vscode.page.waitForSelector('.tab.active[data-resource-name="last prompt.txt"]')
      await until('the prompt is there', async () => (await tour.vscode.lines()).join('\n').includes('fim_middle'))
      await tour.vscode.picture('prompt')
    })

    test('the statistics count what was shown, accepted, and accepted in part', async () => {
      await tour.vscode.command('Qwen: Show Statistics')
      const reported = await tour.vscode.webview(/python/)
      const [, shown, accepted, inPart] = /python\s+(\d+)\s+(\d+) \(\d+ %\)\s+(\d+)/.exec(reported).map(Number)
      assert.ok(shown >= 10, reported)
      assert.equal(accepted, 2, reported)
      assert.ok(inPart >= 2, reported)
      await tour.vscode.picture('statistics')
    })

    test('the model picker lists the catalog', async () => {
      await tour.vscode.command('Qwen: Select Model')
      await tour.vscode.choices(/qwen2\.5-coder-0\.5b/)
      await tour.vscode.press('Escape')
    })

    test('the walkthrough has its steps', async () => {
      await tour.vscode.command('Welcome: Open Walkthrough')
      await tour.vscode.choices(/Get started with Qwen LSP/)
      await tour.vscode.choose('Get started with Qwen LSP')
      for (const step of ['Set up', 'Another model', 'Write code'])
        await tour.vscode.page.locator('.getting-started-step', { hasText: step }).first().waitFor()
      await tour.vscode.picture('walkthrough')
    })

    test('a failing engine is shown in the status bar, and gone when it works again', async () => {
      await openAtEnd('broken.py')
      await tour.vscode.press('Alt+\\')
      await tour.vscode.statusIs(/500|fail/i)
      await tour.vscode.picture('error')
      await tour.vscode.openFile('asked.py')
      await tour.vscode.goToEnd()
      await tour.vscode.type('\ntotal = ')
      await tour.vscode.ghostText()
      await tour.vscode.statusIs(/ready/i)
    })
  })
}
