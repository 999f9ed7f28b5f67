/** Moving pictures: screenshots while something happens, as one animated PNG (APNG 1.0). */
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const BETWEEN_MS = 80
/** The last picture stays for so long before all begins again. */
const END_MS = 2500

/** Return pictures of a part of the page, each with its time, from just before to just after what happens. */
export async function film(page, clip, happens) {
  const frames = []
  let isOver = false
  const shoot = async () => frames.push({ png: await page.screenshot({ clip }), at: Date.now() })
  const camera = (async () => {
    while (!isOver) {
      await shoot()
      await sleep(BETWEEN_MS)
    }
    await shoot()
  })()
  try {
    await happens()
  } finally {
    isOver = true
    await camera
  }
  return frames
}

/** Join pictures of one size into an animation that never ends; those that show nothing new are left out. */
export function animated(frames) {
  const shown = frames.filter(({ png }, n) => n === 0 || !png.equals(frames[n - 1].png))
  const chunks = shown.map(({ png }) => [...parts(png)])
  const [header] = chunks[0].filter(({ type }) => type === 'IHDR')
  const out = [SIGNATURE, chunk('IHDR', header.data), chunk('acTL', numbers(shown.length, 0))]
  let sequence = 0
  shown.forEach(({ at }, n) => {
    const ms = n + 1 < shown.length ? shown[n + 1].at - at : END_MS
    const size = header.data.subarray(0, 8)
    // Delay as a fraction of a second; then: leave the frame there, and overwrite it.
    const delay = Buffer.from([ms >> 8, ms & 255, 1000 >> 8, 1000 & 255, 0, 0])
    out.push(chunk('fcTL', Buffer.concat([numbers(sequence++), size, numbers(0, 0), delay])))
    for (const { type, data } of chunks[n])
      if (type === 'IDAT') out.push(n ? chunk('fdAT', Buffer.concat([numbers(sequence++), data])) : chunk('IDAT', data))
  })
  return Buffer.concat([...out, chunk('IEND', Buffer.alloc(0))])
}

function* parts(png) {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    yield { type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) }
    at += length + 12
  }
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  return Buffer.concat([numbers(data.length), body, numbers(crc32(body))])
}

function numbers(...values) {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, n) => bytes.writeUInt32BE(value, 4 * n))
  return bytes
}
