/** Bundle the extension into dist/, or with `--tests` its tests into .out/: those of units, and the extension of test/host. */
import { copyFile, readdir, rm } from 'node:fs/promises'
import { build } from 'esbuild'

const common = { bundle: true, platform: 'node', format: 'cjs', external: ['vscode'], logLevel: 'warning' }

export async function bundle() {
  await rm('dist', { recursive: true, force: true })
  // One bundle at a time: the first one finds the second at run time.
  for (const [name, external] of [['extension', ['./client']], ['client', []]])
    await build({
      ...common,
      entryPoints: [`src/${name}.ts`],
      external: [...common.external, ...external],
      supported: { 'dynamic-import': false }, // becomes require, which finds a file without its extension
      outfile: `dist/${name}.js`,
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
  await build({ ...common, entryPoints: ['test/host/extension.ts'], outfile: '.out/host/extension.js', target: 'node20' })
  await copyFile('test/host/package.json', '.out/host/package.json')
}

if (process.argv[1]?.endsWith('bundle.mjs')) await (process.argv.includes('--tests') ? bundleTests() : bundle())
