/** `node package.mjs FOLDER OUT.vsix`: bundle the extension, if it is the one here, and package the folder. */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { createVSIX } from '@vscode/vsce'
import { bundle } from './bundle.mjs'

const [folder, out] = process.argv.slice(2).map((argument) => path.resolve(argument))
process.chdir(import.meta.dirname)
if (folder === import.meta.dirname) await bundle()
await mkdir(path.dirname(out), { recursive: true })
await createVSIX({ cwd: folder, packagePath: out, dependencies: false, allowMissingRepository: true })
