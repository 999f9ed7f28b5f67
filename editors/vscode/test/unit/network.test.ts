/** VS Code's network settings as environment variables. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withNetwork } from '../../src/server/network'

const PLAIN = { proxy: '', strictSSL: true, noProxy: [] }

test('without settings, the user\'s own environment stays as it is', () => {
  const env = withNetwork({ HTTPS_PROXY: 'http://mine:1', PATH: '/bin' }, PLAIN)
  assert.equal(env.HTTPS_PROXY, 'http://mine:1')
  assert.equal(env.PATH, '/bin')
  assert.equal(env.PIP_TRUSTED_HOST, undefined)
})

test('the proxy reaches every program, and this machine is never behind it', () => {
  const env = withNetwork({ NO_PROXY: 'inner' }, { ...PLAIN, proxy: 'http://proxy:3128', noProxy: ['corp'] })
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) assert.equal(env[name], 'http://proxy:3128')
  assert.equal(env.NO_PROXY, 'inner,corp,localhost,127.0.0.1,::1')
  assert.equal(env.no_proxy, env.NO_PROXY)
})

test('certificates go unchecked only if the user has said so', () => {
  const env = withNetwork({}, { ...PLAIN, strictSSL: false })
  assert.match(env.PIP_TRUSTED_HOST ?? '', /pypi\.org/)
  assert.match(env.UV_INSECURE_HOST ?? '', /pypi\.org/)
})
