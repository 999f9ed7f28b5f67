import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptedPart, adviceWithoutButton, fenced, gigabytes, hostOf, isLoopback, nested, percentOf, pythonVersion, table } from '../../src/values'

test('settings are nested as the schema has them', () => {
  const flat = { 'completion.lineTokens': 32, 'completion.enabled': false, 'model.name': 'auto' }
  assert.deepEqual(nested(flat), { completion: { lineTokens: 32, enabled: false }, model: { name: 'auto' } })
  assert.deepEqual(nested({}), {})
})

test('a word or a line of the suggestion counts as accepted, a key or all of it does not', () => {
  assert.equal(acceptedPart('add(left, right)', 'add'), 3)
  assert.equal(acceptedPart('总和 = 价格', '总和'), 2)
  assert.equal(acceptedPart('𝒳𝒴 = 1', '𝒳𝒴'), 2)
  assert.equal(acceptedPart('add(left, right)', 'a'), 0)
  assert.equal(acceptedPart('add(left, right)', 'add(left, right)'), 0)
  assert.equal(acceptedPart('add(left, right)', 'sub'), 0)
})

test('the progress of a download is read from its lines', () => {
  assert.equal(percentOf(' 30 %  147,420,160 of 491,400,064 bytes  12 s'), 30)
  assert.equal(percentOf('100 %  491,400,064 of 491,400,064 bytes  40 s'), 100)
  assert.equal(percentOf('Qwen2.5-Coder 0.5B Instruct, Q4_K_M, 0.5 GB'), undefined)
})

test('the version of Python is read from what it says', () => {
  assert.deepEqual(pythonVersion('Python 3.11.7\n'), [3, 11])
  assert.equal(pythonVersion('Python was not found; run without arguments to install'), undefined)
})

test('nothing in a text ends its code block', () => {
  assert.equal(fenced('a'), '```\na\n```')
  assert.equal(fenced('```\nb\n```', 'md'), '````md\n```\nb\n```\n````')
})

test('nothing in a cell breaks its table', () => {
  assert.equal(table(['a', 'b'], [['x | y', 'one\ntwo']]), '| a | b |\n| --- | --- |\n| x \\| y | one two |')
})

test('an address is this machine, or its host is named', () => {
  for (const address of ['http://localhost:8080', '127.0.0.1:11434', 'http://[::1]:1', 'localhost'])
    assert.ok(isLoopback(address), address)
  for (const address of ['https://models.example.org/v1', '127.0.0.1.example.org', 'http://localhost.evil', 'http://', 'a b'])
    assert.ok(!isLoopback(address), address)
  assert.equal(hostOf('https://models.example.org:8443/v1'), 'models.example.org')
  assert.equal(hostOf('models.example.org:8443'), 'models.example.org')
})

test('sizes are written for people', () => {
  assert.equal(gigabytes(491_400_064), '0.5 GB')
})

test('advice that a button carries out sends nobody to a terminal; other advice stays', () => {
  assert.equal(adviceWithoutButton('Run `qwen-lsp models pull qwen2.5-coder-0.5b` in a terminal.'), '')
  assert.equal(adviceWithoutButton('请在终端运行 `qwen-lsp doctor` 查明原因。'), '')
  const setting = 'Correct `model.name` or `model.path`; `qwen-lsp models list` shows the names.'
  assert.equal(adviceWithoutButton(setting), setting)
})
