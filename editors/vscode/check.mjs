/** Check types and lint of the extension in one process: each by itself would read and check every file again. */
import { ESLint } from 'eslint'
import ts from 'typescript'

process.chdir(import.meta.dirname)
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
const { fileNames, options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, import.meta.dirname)
const program = ts.createProgram(fileNames, options)
const wrong = [...errors, ...ts.getPreEmitDiagnostics(program)]
if (wrong.length) {
  const host = { getCurrentDirectory: ts.sys.getCurrentDirectory, getCanonicalFileName: (name) => name, getNewLine: () => '\n' }
  console.error(ts.formatDiagnostics(wrong, host))
}

const parserOptions = { projectService: false, programs: [program] }
const eslint = new ESLint({ overrideConfig: { files: ['src/**/*.ts', 'test/**/*.ts'], languageOptions: { parserOptions } } })
const results = await eslint.lintFiles(['.'])
const found = (await eslint.loadFormatter('stylish')).format(results)
if (found) console.error(found)
process.exitCode = wrong.length || results.some(({ errorCount, warningCount }) => errorCount + warningCount) ? 1 : 0
