/** The moving pictures of the READMEs, from pictures as Chromium takes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
// @ts-expect-error: a script of the tours, without types
import * as untyped from '../../e2e/film.mjs'

interface Frame {
  png: Buffer
  at: number
}

const { animated, film } = untyped as {
  animated: (frames: Frame[]) => Buffer
  film: (page: unknown, clip: unknown, happens: (isPoster: () => Promise<void>) => Promise<void>) => Promise<Frame[]>
}

/** A PNG of two by two pixels of one grey. */
function picture(grey: number): Buffer {
  const part = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    return Buffer.concat([length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)])
  }
  const header = Buffer.from([0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0])
  const rows = Buffer.concat([0, 1].map(() => Buffer.from([0, ...Array<number>(6).fill(grey)])))
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), part('IHDR', header), part('IDAT', deflateSync(rows))])
}

/** Return how long each picture of an animation stays, in milliseconds. */
function delays(animation: Buffer): number[] {
  const found = []
  for (let at = 8; at < animation.length; at += animation.readUInt32BE(at) + 12)
    if (animation.toString('latin1', at + 4, at + 8) === 'fcTL') found.push(animation.readUInt16BE(at + 8 + 20))
  return found
}

test('a film begins with its poster, and then with what was there before', async () => {
  let grey = 10
  const page = { screenshot: () => Promise.resolve(picture(grey)) }
  const frames = await film(page, {}, async (isPoster) => {
    await new Promise((resolve) => setTimeout(resolve, 200))
    grey = 200
    await isPoster()
    grey = 250
  })
  assert.deepEqual(frames[0].png, picture(200))
  assert.deepEqual(frames[1].png, picture(10))
  assert.deepEqual(frames.at(-1)?.png, picture(250))
  const [poster, ...others] = delays(animated(frames))
  assert.equal(poster, 1500)
  assert.ok(others.length >= 2)
})

test('a film without a poster begins at its beginning', async () => {
  const page = { screenshot: () => Promise.resolve(picture(10)) }
  const frames = await film(page, {}, () => Promise.resolve())
  assert.deepEqual(frames[0].png, picture(10))
})
