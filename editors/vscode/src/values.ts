/** Plain values and texts, without the editor: what the unit tests can reach. */

export interface Values {
  [name: string]: unknown
}

/** Turn `{"a.b": 1}` into `{a: {b: 1}}`. */
export function nested(flat: Values): Values {
  const root: Values = {}
  for (const [path, value] of Object.entries(flat)) {
    const names = path.split('.')
    const last = names.pop()!
    let place = root
    for (const name of names) place = (place[name] ??= {}) as Values
    place[last] = value
  }
  return root
}

/**
 * Return how many characters (code points) of a suggestion an insertion accepted: a word or a line,
 * never a typed key and never all of it, which the item's own command tells.
 */
export function acceptedPart(suggestion: string, inserted: string): number {
  const isPart = suggestion.startsWith(inserted) && inserted.length < suggestion.length
  const count = [...inserted].length
  return isPart && count > 1 ? count : 0
}

/** Return the percentage in a line of `models pull`, such as ` 30 %  147,420,160 of ...`. */
export function percentOf(line: string): number | undefined {
  const found = /^\s*(\d{1,3}) %/.exec(line)
  return found ? Number(found[1]) : undefined
}

/** Return the version in `Python 3.11.7`, or undefined. */
export function pythonVersion(output: string): [number, number] | undefined {
  const found = /Python (\d+)\.(\d+)/.exec(output)
  return found ? [Number(found[1]), Number(found[2])] : undefined
}

/** Return the version in `qwen-lsp, version 0.1.0`, or "". */
export function serverVersion(output: string): string {
  return /\bversion (\S+)/.exec(output)?.[1] ?? ''
}

/** Return advice of the server for which the editor has no button; what a button does needs no terminal. */
export function adviceWithoutButton(remedy: string): string {
  return /`qwen-lsp (models pull|doctor)\b/.test(remedy) ? '' : remedy
}

/** Return the host of an address, which may lack its scheme; the text itself where it is none. */
export function hostOf(address: string): string {
  try {
    return new URL(address.includes('//') ? address : `http://${address}`).hostname || address
  } catch {
    return address
  }
}

/** Tell whether an address certainly is this machine; the server has the last word. */
export function isLoopback(address: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostOf(address))
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}

/** Put a text into a Markdown code block that nothing in it can end. */
export function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${text}\n${fence}`
}

/** Write a Markdown table; `|` and line ends in cells are kept from breaking it. */
export function table(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
