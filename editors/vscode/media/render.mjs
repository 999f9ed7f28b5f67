/** Render icon.svg to icon.png: `node media/render.mjs` (browser: CHROMIUM, or chromium on PATH). */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { chromium } from 'playwright-core'

const here = import.meta.dirname
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
const page = await browser.newPage({ viewport: { width: 128, height: 128 }, deviceScaleFactor: 2 })
const svg = await readFile(path.join(here, 'icon.svg'), 'utf8')
await page.setContent(`<body style="margin:0">${svg}</body>`)
await page.screenshot({ path: path.join(here, 'icon.png'), omitBackground: true })
await browser.close()
