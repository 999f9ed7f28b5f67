// What calls of a function give, and which parts of its module each of them runs.
// Reads one JSON object {url, names, calls, quote}, where `names` are what is tested as it is exported and as calls call
// it, and writes one list: for each call {value: LITERAL}, {error: NAME}
// or {} where the result cannot be written as a literal; with `lines`, which are places here, and `isAsync` where it was awaited.
import inspector from 'node:inspector'

const MAX_CHARS = 160
const MAX_CALL_MS = 2000
const STEP = 4

let text = ''
for await (const part of process.stdin) text += part
const { url, names, calls, quote } = JSON.parse(text)
const write = process.stdout.write.bind(process.stdout)
process.stdout.write = () => true // the code under test may print
const session = new inspector.Session()
session.connect()
await post('Profiler.enable')
await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
const module = await import(url)
const tested = module[names[0]] ?? module.default?.[names[0]] ?? whole()
await post('Profiler.takePreciseCoverage')
const found = []
for (const call of calls) found.push(tested === undefined ? {} : await result(call))
write(JSON.stringify(found), () => process.exit(0))

/** A module that is the function itself. */
function whole() {
  return typeof module.default === 'function' ? module.default : undefined
}

function post(method, options) {
  return new Promise((resolve, reject) => {
    session.post(method, options, (error, answer) => (error ? reject(error) : resolve(answer)))
  })
}

async function result(call) {
  const one = {}
  try {
    let value = new Function(names.at(-1), `"use strict"; return (${call})`)(tested)
    if (typeof value?.then === 'function') {
      one.isAsync = true
      value = await Promise.race([value, new Promise((_, late) => setTimeout(late, MAX_CALL_MS))])
    }
    const literal = written(value, 0)
    if (literal !== undefined && literal.length <= MAX_CHARS) one.value = literal
  } catch (error) {
    one.error = String(error?.name ?? '')
    one.is_known = true
  }
  const coverage = await post('Profiler.takePreciseCoverage')
  const script = coverage.result.find((entry) => entry.url === url)
  one.lines = (script?.functions ?? []).flatMap(({ ranges }) => ran(ranges))
  return one
}

/** Name the places of a function that ran, every few characters: inner ranges speak for their part. */
function ran(ranges) {
  const places = new Set()
  for (const { startOffset, endOffset, count } of ranges) {
    for (let at = Math.ceil(startOffset / STEP) * STEP; at < endOffset; at += STEP) {
      if (count > 0) places.add(at)
      else places.delete(at)
    }
  }
  return [...places]
}

/** Write a value as a literal that is equal to it; undefined where there is none. */
function written(value, depth) {
  if (value === undefined) return 'undefined'
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || depth > 4) return undefined
  const isList = Array.isArray(value)
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== (isList ? Array.prototype : Object.prototype)) return undefined
  if (Object.getOwnPropertySymbols(value).length > 0) return undefined
  const keys = Object.keys(value)
  const parts = keys.map((key) => written(value[key], depth + 1))
  if (parts.includes(undefined)) return undefined
  if (isList) return keys.length === value.length ? `[${parts.join(', ')}]` : undefined
  return keys.length === 0 ? '{}' : `{ ${keys.map((key, at) => `${keyed(key)}: ${parts[at]}`).join(', ')} }`
}

function keyed(key) {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)
}

function quoted(value) {
  return value.includes(quote) || /[\\\n\r\t\u2028\u2029]/.test(value) ? JSON.stringify(value) : quote + value + quote
}
