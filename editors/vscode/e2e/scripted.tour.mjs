/**
 * The tour against the scripted engine, whose answers hang on what is asked about
 * (tests/editors/vscode/scripted.py). One VS Code for all of it: the folder is a git repository with a change.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, afterEach, before, suite } from 'node:test'
import * as acting from './actions.mjs'
import * as completing from './completion.mjs'
import * as reviewing from './review.mjs'
import * as showing from './windows.mjs'
import { host, open } from './workbench.mjs'

/** What the suites share. */
export const tour = {}

suite('the scripted engine', { timeout: 900_000 }, () => {
  before(async () => {
    tour.vscode = await open({
      files: { ...completing.files, ...acting.files, ...reviewing.files, ...reviewing.remarks },
      vsix: [host.vsix, host.tests],
      height: 900, // rows of the explorer that are out of view do not exist
      settings: {
        'qwenLsp.endpoint.url': host.engine,
        'editor.suggest.showWords': true,
        'editor.wordBasedSuggestions': 'currentDocument',
        'git.enabled': true,
        'git.openRepositoryInParentFolders': 'never',
      },
      prepare: async ({ folder, data }) => {
        await reviewing.change(folder)
        const place = path.join(data, 'User', 'snippets')
        await mkdir(place, { recursive: true })
        for (const [language, text] of Object.entries(completing.snippets))
          await writeFile(path.join(place, `${language}.json`), JSON.stringify(text))
      },
    })
  })
  after(() => tour.vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await tour.vscode?.failed(context.name)
  })

  // First, while what is to be reviewed is all that has changed.
  reviewing.review(tour)
  completing.completion(tour)
  acting.actions(tour)
  showing.inside(tour)
})
