/** Moving pictures: screenshots while something happens, as one animated PNG (APNG 1.0). */
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const BETWEEN_MS = 80
/** The last picture stays for so long before all begins again. */
const END_MS = 2500
/** So long the picture that says what the film is about stands at its beginning, where nothing moves yet. */
const POSTER_MS = 1500

/**
 * Return pictures of a part of the page, each with its time, from just before to just after what happens. What
 * happens may call what it is given to make the picture of that moment the poster: the first one that is seen.
 */
export async function film(page, clip, happens) {
  const frames = []
  let poster
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
    await happens(async () => (poster = { png: await page.screenshot({ clip }) }))
  } finally {
    isOver = true
    await camera
  }
  return poster ? [{ ...poster, at: frames[0].at - POSTER_MS }, ...frames] : frames
}

/**
 * Join pictures of one size into an animation that never ends. Each but the first holds only the rectangle
 * that is new in it.
 */
export function animated(frames) {
  const pictures = frames.map(({ png, at }) => ({ ...decoded(png), at }))
  const [first] = pictures
  const shown = [{ ...first, x: 0, y: 0 }]
  for (const [n, picture] of pictures.entries()) {
    const changed = n && difference(pictures[n - 1], picture)
    if (changed) shown.push({ ...cut(picture, changed), at: picture.at })
  }
  const out = [SIGNATURE, chunk('IHDR', first.header), chunk('acTL', numbers(shown.length, 0))]
  let sequence = 0
  for (const [n, { width, height, x, y, pixels, at }] of shown.entries()) {
    const ms = n + 1 < shown.length ? shown[n + 1].at - at : END_MS
    // The delay is a fraction of a second. Then: leave the frame there, and overwrite it.
    const delay = Buffer.from([ms >> 8, ms & 255, 1000 >> 8, 1000 & 255, 0, 0])
    out.push(chunk('fcTL', Buffer.concat([numbers(sequence++, width, height, x, y), delay])))
    const data = deflateSync(unfiltered(pixels, width * first.channels), { level: 9 })
    out.push(n ? chunk('fdAT', Buffer.concat([numbers(sequence++), data])) : chunk('IDAT', data))
  }
  return Buffer.concat([...out, chunk('IEND', Buffer.alloc(0))])
}

/** Read the pixels of a PNG as Chromium writes them: 8 bits for each of three or four channels. */
function decoded(png) {
  const chunks = [...parts(png)]
  const header = chunks.find(({ type }) => type === 'IHDR').data
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const channels = header[9] === 6 ? 4 : 3
  const data = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)))
  const stride = width * channels
  const pixels = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]
    for (let x = 0; x < stride; x++) {
      const to = y * stride + x
      const left = x < channels ? 0 : pixels[to - channels]
      const up = y ? pixels[to - stride] : 0
      const corner = x < channels || !y ? 0 : pixels[to - stride - channels]
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]
      pixels[to] = data[y * (stride + 1) + 1 + x] + guess
    }
  }
  return { header, width, height, channels, pixels }
}

function paeth(left, up, corner) {
  const [byLeft, byUp, byCorner] = [up - corner, left - corner, left + up - 2 * corner].map(Math.abs)
  return byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner
}

/** Return the smallest rectangle that holds every pixel in which two pictures differ; undefined for none. */
function difference(before, after) {
  const { width, height, channels, pixels } = after
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let n = 0; n < pixels.length; n++) {
    if (pixels[n] === before.pixels[n]) continue
    const place = Math.floor(n / channels)
    const [x, y] = [place % width, Math.floor(place / width)]
    ;[left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)]
  }
  return right < 0 ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}

function cut({ width, channels, pixels }, part) {
  const rows = Array.from({ length: part.height }, (_, n) => {
    const from = ((part.y + n) * width + part.x) * channels
    return pixels.subarray(from, from + part.width * channels)
  })
  return { ...part, pixels: Buffer.concat(rows) }
}

/** Write pixels as a PNG has them, each row without a filter. */
function unfiltered(pixels, stride) {
  const rows = []
  for (let from = 0; from < pixels.length; from += stride) rows.push(Buffer.from([0]), pixels.subarray(from, from + stride))
  return Buffer.concat(rows)
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
