/** The tour with the real server and the real 0.5B model. */
import assert from 'node:assert/strict'
import { after, afterEach, before, suite, test } from 'node:test'
import { host, open } from './workbench.mjs'

const INVENTORY = `"""An inventory of parts."""


def total_price(prices: list[float]) -> float:
    """Return the sum of all prices."""
    `

suite('the real model', { timeout: 240_000 }, () => {
  let vscode
  before(async () => {
    vscode = await open({ files: { 'inventory.py': INVENTORY }, vsix: [host.vsix] })
  })
  after(() => vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await vscode?.failed(context.name)
  })

  test('ghost text appears, Tab accepts it, the file on disk is right', async () => {
    await vscode.openFile('inventory.py')
    await vscode.statusIs(/ready/i)
    await vscode.goToEnd()
    await vscode.type('return ')
    // By hand, because an automatic suggestion may be held back when the model is not sure of it.
    await vscode.press('Alt+\\')
    const ghost = await vscode.ghostText()
    await vscode.picture('ghost-text')
    await vscode.press('Tab')
    await vscode.noGhost()
    const saved = await vscode.save('inventory.py')
    // The suggestion may have grown between the look at it and the key.
    assert.ok(saved.startsWith(`${INVENTORY}return ${ghost.trimEnd()}`), saved)
  })
})
