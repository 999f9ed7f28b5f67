/**
 * A real VS Code for tests: code-server in headless Chromium, with a home, settings and extensions of
 * its own, driven by keys and clicks as a user would. Knows nothing of what is tested.
 *
 * Pinned programs come in HOST (JSON: node, codeServer, browser), which tests/editors/vscode/tours.py sets; with
 * `artefacts`, pictures are kept there. The screen of a failure is always kept, in `failures`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'

export const host = JSON.parse(process.env.HOST ?? '{}')

/** How long a choice may take to show. */
export const CHOICE_MS = 20_000
/** Long: the machines of CI are shared and noisy. No test measures by it. */
export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 120_000)

const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.colorTheme': 'Default Dark Modern',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
  'editor.minimap.enabled': false,
  'editor.accessibilitySupport': 'off',
  'files.autoSave': 'off',
  'git.enabled': false,
  // Nothing moves by itself: each frame is drawn by the processor here.
  'workbench.reduceMotion': 'on',
  'editor.cursorBlinking': 'solid',
  'editor.stickyScroll.enabled': false,
  'breadcrumbs.enabled': false,
}

const BROWSER = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Open a folder in VS Code.
 * @param {{files: Object<string, string>, settings?: object, vsix: string[], env?: Object<string, string>,
 *   trust?: boolean, height?: number, locale?: string, prepare?: ({root: string, folder: string, data: string}) => Promise<void>}} options
 */
export async function open({ files, settings = {}, vsix, env = {}, trust = true, height = 640, locale = 'en', prepare }) {
  const root = await mkdtemp(path.join(tmpdir(), 'qwen-vscode-'))
  const folder = path.join(root, 'project')
  const data = path.join(root, 'data')
  for (const place of ['User', 'Machine']) await mkdir(path.join(data, place), { recursive: true })
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
    await writeFile(path.join(folder, file), text)
  }
  await prepare?.({ root, folder, data })
  const all = { ...QUIET, 'security.workspace.trust.enabled': !trust, ...settings }
  await writeFile(path.join(data, 'User', 'settings.json'), JSON.stringify(all, null, 2))
  // Settings of scope `machine` are the remote machine's own where the extension runs on one, as here.
  await writeFile(path.join(data, 'Machine', 'settings.json'), JSON.stringify(settings, null, 2))
  const home = path.join(root, 'home')
  await mkdir(home)
  // VS Code takes PATH from a login shell, as a desktop has to.
  const profile = `export PATH="${env.PATH ?? process.env.PATH}"\n`
  for (const file of ['.profile', '.bash_profile']) await writeFile(path.join(home, file), profile)
  const server = new CodeServer(root, data, { ...process.env, HOME: home, ...env })
  try {
    await server.install(vsix)
    await server.start(trust, locale)
    const context = await chromium.launchPersistentContext(path.join(root, 'browser'), {
      executablePath: host.browser,
      headless: true,
      args: BROWSER,
      viewport: { width: 1100, height },
      locale: 'en-US',
    })
    const page = context.pages()[0] ?? (await context.newPage())
    await show(page, server, folder)
    return new Workbench({ root, folder, data, home, server, context, page })
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** Show a folder, or a workspace by its file, in a page. */
async function show(page, server, place) {
  page.setDefaultTimeout(PATIENCE_MS)
  const kind = place.endsWith('.code-workspace') ? 'workspace' : 'folder'
  await page.goto(`http://127.0.0.1:${server.port}/?${kind}=${encodeURIComponent(place)}`)
  await page.waitForSelector('.monaco-workbench .statusbar-item')
}

class CodeServer {
  constructor(root, data, env) {
    this.root = root
    this.env = { ...env, EXTENSIONS_GALLERY: '{}' }
    for (const name of ['NODE_OPTIONS', 'PORT', 'PASSWORD']) delete this.env[name]
    delete this.env.NODE_TEST_CONTEXT
    this.places = ['--config', path.join(root, 'config.yaml'), '--user-data-dir', data]
    this.places.push('--extensions-dir', path.join(root, 'extensions'))
    this.output = ''
  }

  async install(files) {
    const flags = files.flatMap((file) => ['--install-extension', file])
    const [code] = await once(this.run([...this.places, ...flags, '--force']), 'close')
    if (code !== 0) throw new Error(`${files} were not installed:\n${this.output}`)
  }

  async start(trust, locale) {
    this.port = await freePort()
    const flags = ['--auth', 'none', '--bind-addr', `127.0.0.1:${this.port}`, '--disable-telemetry']
    flags.push('--disable-update-check', '--disable-getting-started-override', '--reconnection-grace-time', '1')
    flags.push('--locale', locale)
    if (trust) flags.push('--disable-workspace-trust')
    this.child = this.run([...this.places, ...flags])
    await until('code-server answers', async () => {
      const answer = await fetch(`http://127.0.0.1:${this.port}/healthz`).catch(() => undefined)
      return answer?.ok
    })
  }

  run(args) {
    const child = spawn(host.node, [host.codeServer, ...args], {
      env: this.env,
      cwd: this.root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (this.output += text))
    return child
  }

  /** End the whole process group: watchers outlive their parent. */
  async stop() {
    if (!this.child || this.child.exitCode !== null) return
    const gone = once(this.child, 'close')
    process.kill(-this.child.pid, 'SIGTERM')
    await Promise.race([gone, sleep(5000)])
    try {
      process.kill(-this.child.pid, 'SIGKILL')
    } catch {
      // nothing of it is left
    }
  }
}

export class Workbench {
  constructor(parts) {
    Object.assign(this, parts)
    this.looks = 0
  }

  /** Open another window; the place is named from the root of this VS Code's files. */
  async window(place) {
    const page = await this.context.newPage()
    await show(page, this.server, path.join(this.root, place))
    return new Workbench({ ...this, page })
  }

  /** Open a file of the project's folder from the explorer and wait for its editor. */
  async openFile(name) {
    if (!(await this.page.locator('.explorer-folders-view').isVisible())) await this.press('Control+Shift+e')
    const list = this.page.locator('.explorer-folders-view .monaco-list')
    const row = list.locator(`.monaco-list-row[aria-label^="${name}"]`).first()
    const tab = this.page.locator(`.tab.active[data-resource-name="${name}"]`)
    const soon = (work) => work.then(() => true, () => false)
    const known = this.page.locator(`.tab[data-resource-name="${name}"]`).first()
    if ((await known.isVisible()) && (await soon(known.click({ timeout: 2000 }))) && (await soon(tab.waitFor({ timeout: 2000 }))))
      return this.page.waitForSelector('.editor-group-container.active .monaco-editor .view-line')
    await list.locator('.monaco-list-row').first().waitFor()
    await until(`${name} is open`, async () => {
      const isThere = await row.isVisible()
      // A row moves when a file appears above it: then the click went to another one.
      if (isThere && (await soon(row.dblclick({ timeout: 2000 }))) && (await soon(tab.waitFor({ timeout: 5000 }))))
        return true
      await list.hover()
      // Rows out of view do not exist: look further down, then from the top again. Half out of view: a little up.
      await this.page.mouse.wheel(0, isThere ? -60 : this.looks++ % 10 ? 150 : -10_000)
      return false
    })
    await this.page.waitForSelector('.editor-group-container.active .monaco-editor .view-line')
  }

  /** Put the cursor at the end of the file (or elsewhere by more keys). */
  async goToEnd() {
    await this.focusEditor()
    await this.press('Control+End')
  }

  async focusEditor() {
    await this.page.locator('.editor-group-container.active .monaco-editor .view-lines:visible').last().click()
  }

  /** Put the cursor behind line and column, from 1. */
  async goTo(line, column) {
    await this.press('Control+g')
    await this.page.locator('.quick-input-widget input').fill(`:${line}:${column}`)
    await this.press('Enter')
    await this.page.waitForSelector('.quick-input-widget', { state: 'hidden' })
  }

  async press(key) {
    await this.page.keyboard.press(key)
  }

  async type(text, delay = 0) {
    await this.page.keyboard.type(text, { delay })
  }

  /** Run a command of the palette by its title. */
  async command(title) {
    const input = this.page.locator('.quick-input-widget input')
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: title }).first()
    const soon = (work) => work.then(() => true, () => false)
    // The key is lost while another quick input is closing, and the palette closes when something takes the focus.
    await until(`${title} is chosen from the palette`, async () => {
      await this.press('F1')
      return (await soon(input.fill(`>${title}`, { timeout: 3000 }))) && soon(row.click({ timeout: 10_000 }))
    })
  }

  /** Return the rows of the open quick pick, as they read, once one of them is as wanted. */
  async choices(pattern) {
    return until(`a choice is ${pattern}`, async () => {
      const rows = await this.page.locator('.quick-input-list .monaco-list-row').allInnerTexts()
      return rows.some((row) => pattern.test(row)) && rows
    })
  }

  /** Open the light bulb's menu at the cursor and choose an action once it is offered. */
  async lightBulb(title) {
    const rows = this.page.locator('.action-widget .monaco-list-row')
    const focused = this.page.locator('.action-widget .monaco-list-row.focused').filter({ hasText: title })
    await until(`the light bulb offers ${title}`, async () => {
      // The menu of a moment ago may lack it; a second Escape would drop the selection.
      if (await this.page.locator('.action-widget').first().isVisible()) await this.press('Escape')
      await this.press('Control+.')
      const row = rows.filter({ hasText: title }).first()
      if (!(await row.waitFor({ timeout: 5000 }).then(() => true, () => false))) return false
      // By keys: a click is lost where the menu is drawn once more under the mouse.
      for (let n = await rows.count(); n > 0 && !(await focused.count()); n--) await this.press('ArrowDown')
      return (await focused.count()) > 0
    })
    await this.picture(`light-bulb ${title.toLowerCase().replace(/\W+/g, '-')}`)
    await this.press('Enter')
  }

  /** Answer an input box. */
  async answer(text) {
    const input = this.page.locator('.quick-input-widget input')
    await input.waitFor()
    await input.fill(text)
    await this.press('Enter')
  }

  /** Choose a row by what it is called; rows out of view do not exist until they are looked for. */
  async find(text) {
    await this.page.locator('.quick-input-list .monaco-list-row').first().waitFor()
    await this.page.locator('.quick-input-widget input').fill(text)
    await this.choose(text)
  }

  async choose(text) {
    await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first().click()
  }

  /** Return the ghost text on the screen, or "". */
  async ghost() {
    const parts = await this.page.locator('.ghost-text, .ghost-text-decoration').allTextContents()
    return parts.join('').replaceAll('\u00a0', ' ').replaceAll('\u200c', '')
  }

  async ghostText(isWanted = (text) => text.trim() !== '') {
    return until('ghost text appears', async () => {
      const text = await this.ghost()
      return isWanted(text) && text
    })
  }

  async noGhost() {
    await until('the ghost text is gone', async () => (await this.ghost()) === '')
  }

  /** Return the lines of the active editor, or of another one, as the screen shows them. */
  async lines(selector = '.editor-group-container.active .monaco-editor .view-line') {
    const found = await this.page.locator(selector).evaluateAll((all) =>
      all.map((line) => ({ top: parseInt(line.style.top), text: line.textContent })).sort((a, b) => a.top - b.top),
    )
    return found.map((line) => line.text.replaceAll('\u00a0', ' '))
  }

  /** Save, and return what is on the disk then. */
  async save(name) {
    await this.press('Control+s')
    await this.page.waitForSelector(`.tab[data-resource-name="${name.split('/').pop()}"]:not(.dirty)`)
    return readFile(path.join(this.folder, name), 'utf8')
  }

  statusItem() {
    return this.page.locator('.statusbar-item[id$="qwen-lsp.status"]')
  }

  /** Return what a screen reader reads of the status bar item. */
  async status() {
    return (await this.statusItem().locator('a').first().getAttribute('aria-label')) ?? ''
  }

  async statusIs(pattern) {
    return until(`the status is ${pattern}`, async () => {
      const text = await this.status()
      return pattern.test(text) && text
    }).catch(async (error) => {
      throw new Error(`${error.message}; it is: ${await this.status()}`)
    })
  }

  /** Move the mouse onto something until what should show does: a busy window may lose a movement. */
  async hoverUntil(target, shown) {
    await until('hovering shows something', async () => {
      await this.page.mouse.move(0, 0)
      await target.hover()
      return shown.waitFor({ timeout: CHOICE_MS }).then(() => true, () => false)
    })
  }

  async notification(pattern) {
    const message = this.page.locator('.notification-toast .notification-list-item').filter({ hasText: pattern })
    await message.first().waitFor()
    return message.first()
  }

  async dismissNotification(message) {
    await message.hover()
    await message.locator('.codicon-notifications-clear').first().click()
    await message.waitFor({ state: 'hidden' })
  }

  async closeTab(title) {
    const tab = this.page.locator('.tab', { hasText: title }).first()
    await tab.hover()
    await tab.locator('.tab-actions a').first().click()
    await tab.waitFor({ state: 'hidden' })
  }

  /** Return the path of the file in the active editor, from the project's folder. */
  async activePath() {
    const title = await this.page.locator('.editor-group-container.active .tab.active').first().getAttribute('title')
    const label = title ?? (await this.page.locator('.editor-group-container.active .tab.active').first().getAttribute('aria-label'))
    return label.split(',')[0].replace(/^.*\/project\//, '')
  }

  /** Return the text of the webview that has such a text: a rendered Markdown preview. */
  async webview(pattern) {
    return until(`a webview says ${pattern}`, async () => {
      for (const frame of this.page.frames()) {
        if (frame === this.page.mainFrame()) continue
        const text = await frame.evaluate(() => document.body?.innerText ?? '').catch(() => '')
        if (pattern.test(text)) return text
      }
      return undefined
    })
  }

  /** Keep a picture of the screen, with nothing half faded in. */
  async picture(name, folder = host.artefacts) {
    if (!folder) return
    await mkdir(folder, { recursive: true })
    await this.page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled' })
  }

  /** Return the processes of this VS Code whose command line has a text. */
  async processes(text) {
    const found = []
    for (const id of await readdir('/proc')) {
      if (!/^\d+$/.test(id)) continue
      const read = (name) => readFile(`/proc/${id}/${name}`, 'latin1').catch(() => '')
      if ((await read('cmdline')).includes(text) && (await read('environ')).split('\0').includes(`HOME=${this.home}`))
        found.push(Number(id))
    }
    return found
  }

  /** Show what was going on when a test failed: the screen, and what the server and the extension said. */
  async failed(name) {
    await this.picture(`failed ${name.slice(0, 80)}`, host.failures)
    const log = path.join(this.home, '.local', 'state', 'qwen-lsp', 'log', 'server.log')
    const reported = await readFile(log, 'utf8').catch((error) => String(error))
    console.error(`${reported.slice(-3000)}\n${this.server.output.slice(-2000)}`)
  }

  async close() {
    await this.context.close().catch(() => {})
    await this.server.stop()
    await rm(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

/** Do something that a busy window may lose until a sign of it shows. */
export async function again(what, act, sign) {
  for (let tries = 0; ; tries++) {
    await act()
    if (await sign.first().waitFor({ timeout: CHOICE_MS }).then(() => true, () => false)) return
    if (tries === 2) throw new Error(`nothing shows of ${what}`)
    console.error(`${what} was lost: it is done again`)
  }
}

/** Wait until something holds; return what it gave. */
export async function until(what, holds, patience = PATIENCE_MS) {
  const end = Date.now() + patience
  for (;;) {
    const found = await holds()
    if (found) return found
    if (Date.now() > end) throw new Error(`in vain: ${what}`)
    await sleep(50)
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}
