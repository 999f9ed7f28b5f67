/** Bundle the extension into dist/, or with `--tests` its tests into .out/. */
import { readdir, rm } from 'node:fs/promises'
import { build } from 'esbuild'

const common = { bundle: true, platform: 'node', format: 'cjs', external: ['vscode'], logLevel: 'warning' }

export async function bundle() {
  await build({
    ...common,
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.js',
    target: 'node20',
    minify: true,
  })
}

async function bundleTests() {
  await rm('.out', { recursive: true, force: true })
  const names = await readdir('test/unit')
  await build({
    ...common,
    entryPoints: names.filter((name) => name.endsWith('.test.ts')).map((name) => `test/unit/${name}`),
    outdir: '.out/unit',
    outExtension: { '.js': '.cjs' },
    target: 'node20',
    sourcemap: 'inline',
  })
}

if (process.argv[1]?.endsWith('bundle.mjs')) await (process.argv.includes('--tests') ? bundleTests() : bundle())
