/**
 * How child processes reach the network: VS Code's proxy and certificate settings as the environment
 * variables that pip, uv and the server's downloads read. Knows nothing of the editor.
 */
export interface Network {
  proxy: string
  strictSSL: boolean
  noProxy: string[]
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1']
const REGISTRY = ['pypi.org', 'files.pythonhosted.org']

/** Return an environment with the settings in it; what the user's own environment names stays. */
export function withNetwork(env: NodeJS.ProcessEnv, network: Network): NodeJS.ProcessEnv {
  const set: NodeJS.ProcessEnv = { UV_NATIVE_TLS: '1', PYTHONUTF8: '1', ...env }
  if (network.proxy)
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) set[name] = network.proxy
  // The engine and endpoints on this machine are never behind a proxy.
  const direct = [env.NO_PROXY ?? env.no_proxy ?? '', ...network.noProxy, ...LOOPBACK].filter(Boolean).join(',')
  set.NO_PROXY = set.no_proxy = direct
  if (!network.strictSSL) {
    set.PIP_TRUSTED_HOST = [env.PIP_TRUSTED_HOST ?? '', ...REGISTRY].filter(Boolean).join(' ')
    set.UV_INSECURE_HOST = [env.UV_INSECURE_HOST ?? '', ...REGISTRY].filter(Boolean).join(' ')
  }
  return set
}

/** What the last lines of an installer say went wrong, where a remedy is known. */
export function failureOf(lines: readonly string[]): 'proxy' | 'offline' | 'no-space' | undefined {
  const text = lines.join('\n')
  if (/No space left on device|ENOSPC|not enough space|os error 28\b/i.test(text)) return 'no-space'
  if (/ProxyError|Cannot connect to proxy|tunnel connection failed|proxy.*(refused|authentication)/i.test(text))
    return 'proxy'
  if (
    /name resolution|getaddrinfo|Name or service not known|Network is unreachable|Connection refused|ConnectTimeout|NewConnectionError|dns error|Could not connect|error sending request/i.test(
      text,
    )
  )
    return 'offline'
  return undefined
}
