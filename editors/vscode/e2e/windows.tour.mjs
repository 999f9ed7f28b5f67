/** Two windows of one VS Code, the second one with a workspace of two folders, against the scripted engine. */
import { after, afterEach, before, suite } from 'node:test'
import * as reviewing from './review.mjs'
import * as showing from './windows.mjs'
import { host, open } from './workbench.mjs'

const tour = {}

suite('two windows', { timeout: 600_000 }, () => {
  before(async () => {
    tour.vscode = await open({
      files: reviewing.files,
      vsix: [host.vsix, host.tests],
      settings: { 'qwenLsp.endpoint.url': host.engine, 'git.enabled': true, 'git.openRepositoryInParentFolders': 'never' },
      prepare: async ({ root, folder }) => {
        await reviewing.change(folder)
        await showing.workspace(root)
      },
    })
  })
  after(() => tour.vscode?.close())
  afterEach(async (context) => {
    if (!context.passed) await tour.vscode?.failed(context.name)
  })

  showing.windows(tour)
})
