// Two versions of a JavaScript function on the same inputs, in a context that holds the language alone.
// Reads one JSON object {before, after, name} and writes one: {"runs": N, "difference": TEXT}.
import vm from 'node:vm'
import * as nodeModule from 'node:module'

const MAX_INPUTS = 80
const MAX_CALL_MS = 200
// Written in the function's own context, so that its arrays are arrays of its own.
const VALUES = [
  'undefined', 'null', '0', '1', '-3', '2.5', 'NaN', '""', '"abc"', '"A-b"', '" x "', '"1-3"', 'true', 'false',
  '"a,b"', '"ABC"', '"x=1; y=2"', '"中文"', '"a b  c"',
  '[]', '[5]', '[3, 1, 2]', '[1, 1, 2]', '["b", "a"]', '["x", "", "y"]', '[[1, 2], [3]]', '[0, null, 1, ""]', '[{ name: "a", price: 1 }, { name: "b", price: 0 }]',
  '{}', '({ a: 1 })', '({ name: "x", items: [1, 2] })', 'x => x', '(a, b) => a - b',
]

let text = ''
for await (const part of process.stdin) text += part
const { before, after, name } = JSON.parse(text)
process.stdout.write(JSON.stringify(compare(before, after, name)) + '\n')

function compare(before, after, name) {
  const [one, other] = [before, after].map((source) => loaded(plain(source), name))
  let runs = 0
  for (const given of inputs(pools(before, one.length))) {
    const [was, now] = [one, other].map((version) => version.call(given))
    if (was.kind === 'unclear' || now.kind === 'unclear') return { runs: 0, difference: '' }
    runs += was.kind === 'value' ? 1 : 0
    if (was.kind !== now.kind || was.text !== now.text) {
      return { runs, difference: `${name}(${given.join(', ')}): ${was.text} → ${now.text}`.slice(0, 200) }
    }
  }
  return { runs, difference: '' }
}

/** Types are taken out where this Node can; `export` has no meaning in a script. */
function plain(source) {
  const strip = nodeModule.stripTypeScriptTypes
  return (strip ? strip(source) : source).replace(/^\s*export\s+(default\s+)?/, '')
}

function loaded(source, name) {
  const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } })
  const run = (code) => vm.runInContext(code, context, { timeout: MAX_CALL_MS })
  run('Math.random = () => 0.5; delete globalThis.Date; delete globalThis.WeakRef')
  run(`${source}\n;globalThis.tried = ${name}`)
  run(`globalThis.shown = ${shown.toString()}`)
  const call = (given) => {
    try {
      run(`globalThis.given = [${given.join(', ')}]`)
      const text = run('shown(tried(...given)) + " " + shown(given)')
      return text.includes('‹unclear›') ? { kind: 'unclear' } : { kind: 'value', text }
    } catch (error) {
      if (error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { kind: 'unclear' }
      return { kind: 'error', text: String(error?.name ?? error) }
    }
  }
  return { length: run('tried.length'), call }
}

/** Write a value; what cannot be compared is unclear. Runs in the function's own context. */
function shown(value) {
  const seen = new Set()
  const write = (one) => {
    if (typeof one === 'function') return '‹function›'
    if (typeof one === 'string') return JSON.stringify(one)
    if (typeof one !== 'object' || one === null) return Object.is(one, -0) ? '-0' : String(one)
    if (typeof one.then === 'function' || typeof one.next === 'function' || seen.has(one)) return '‹unclear›'
    seen.add(one)
    if (Array.isArray(one)) return `[${Array.from(one, write).join(', ')}]`
    if (one instanceof Map || one instanceof Set) return `${one.constructor.name}${write([...one])}`
    return `{${Object.keys(one).map((key) => `${key}: ${write(one[key])}`).join(', ')}}`
  }
  return write(value).slice(0, 2000)
}

function constants(source) {
  return [...new Set(source.match(/"[^"\n\\]{0,20}"|'[^'\n\\]{0,20}'|\b\d{1,6}\b/g) ?? [])].slice(0, 6)
}

/** Return the values to try for each parameter: what is used as a list gets lists, what is used as a text gets texts. */
function pools(source, n) {
  const header = /\(([^)]*)\)|^\s*(?:const|let|var)\s+\w+\s*=\s*(\w+)/.exec(source) ?? []
  const names = (header[1] ?? header[2] ?? '').split(',').map((part) => /[\w$]+/.exec(part)?.[0] ?? '')
  const every = [...VALUES, ...constants(source)]
  return Array.from({ length: n }, (_, at) => {
    const name = names[at]?.replaceAll('$', '\\$') || '[]'
    const uses = (pattern) => new RegExp(pattern.replace('NAME', () => `(?<![\\w$.])${name}`)).test(source)
    const isList = uses('\\bof\\s+NAME\\b') || uses('NAME\\.(map|filter|forEach|reduce|some|every|find|push|sort|flat)\\w*\\(')
    const isText = uses('NAME\\.(trim|split|to(Lower|Upper)Case|replace|charAt|charCodeAt|startsWith|endsWith|match)\\w*\\(')
    if (isList === isText) return every
    const wanted = isList ? /^(\[|undefined|null)/ : /^(["']|undefined|null)/
    return every.filter((value) => wanted.test(value))
  })
}

/** Yield lists of arguments: all there are, or so many by a fixed chance. */
function* inputs(pools) {
  const total = pools.reduce((product, pool) => product * pool.length, 1)
  if (total <= MAX_INPUTS) {
    yield* pools.reduce((lists, pool) => lists.flatMap((list) => pool.map((one) => [...list, one])), [[]])
    return
  }
  let state = 7
  for (let count = 0; count < MAX_INPUTS; count++) {
    yield pools.map((pool) => {
      state = (state * 48271) % 2147483647
      return pool[state % pool.length]
    })
  }
}
