/**
 * The first run on a machine without a server, in a folder that nobody has trusted: the extension makes
 * its own environment (packages come from the folder in PIP_FIND_LINKS), and the workspace has no say.
 */
import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { host, open } from './workbench.mjs'

const CALL = 'def add(left, right):\n    return left + right\n\n\ntotal ='
const EVIL = {
  'qwenLsp.server.path': '/bin/false',
  'qwenLsp.endpoint.url': 'http://127.0.0.1:9',
  'qwenLsp.completion.enabled': false,
}

suite('the first run', { timeout: 600_000 }, () => {
  let vscode
  before(async () => {
    vscode = await open({
      files: { 'sum.py': CALL, '.vscode/settings.json': JSON.stringify(EVIL) },
      vsix: [host.vsix],
      trust: false,
      settings: {
        'qwenLsp.endpoint.url': host.engine,
        'security.workspace.trust.startupPrompt': 'never',
        'security.workspace.trust.banner': 'never',
      },
    })
  })
  after(() => vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await vscode?.failed(context.name)
  })

  test('nothing is installed without a yes, and after it the server starts', async () => {
    await vscode.openFile('sum.py')
    const question = await vscode.notification(/Set up Qwen LSP\?/)
    await vscode.statusIs(/not installed/)
    await vscode.picture('install')
    await question.locator('.monaco-button', { hasText: 'Set Up' }).first().click()
    await vscode.statusIs(/ready/i)
    const storage = path.join(vscode.data, 'User', 'globalStorage', 'qwen-lsp.qwen-lsp')
    const names = await readdir(storage)
    assert.ok(names.some((name) => /^server-[0-9a-f]{12}$/.test(name)), names.join())
    assert.match(await readFile(path.join(storage, 'install.log'), 'utf8'), /Successfully installed/)
  })

  test('what an untrusted workspace sets does not count', async () => {
    await vscode.openFile('sum.py') // the set-up has opened a file of its own
    await vscode.goToEnd()
    await vscode.type(' ')
    assert.equal(await vscode.ghostText((text) => text === 'add(left, right)'), 'add(left, right)')
  })
})
