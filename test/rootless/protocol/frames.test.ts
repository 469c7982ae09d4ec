import { expect, test } from 'vitest'
import type { Frame } from '../../../src/rootless/protocol/frames.ts'
import {
  encodeFrame,
  encodeHeader,
  FRAME_MAX,
  frameFields,
  FrameReader,
} from '../../../src/rootless/protocol/frames.ts'

const first = encodeFrame(1, 7, frameFields().u(1).s('hello'))
const empty = encodeFrame(5, 0xffff_ffff, frameFields())
const large = Buffer.concat([encodeHeader(4, 3, 200_000), Buffer.alloc(200_000, 9)])
const stream = Buffer.concat([first, empty, large, first])

function readAll(chunks: Buffer[]): Frame[] {
  const reader = new FrameReader()
  return chunks.flatMap((chunk) => [...reader.read(chunk)])
}

function expectFrames(frames: Frame[]): void {
  expect(frames.map(({ type, id }) => [type, id])).toEqual([
    [1, 7],
    [5, 0xffff_ffff],
    [4, 3],
    [1, 7],
  ])
  expect(frames[0]?.body.equals(first.subarray(12))).toBe(true)
  expect(frames[1]?.body.length).toBe(0)
  expect(frames[2]?.body.equals(large.subarray(12))).toBe(true)
}

test.each([1, 2, 5, 11, 12, 13, 24, 64 * 1024, stream.length])(
  'frames are whole when they come in pieces of %i',
  (size) => {
    const chunks: Buffer[] = []
    for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size))
    expectFrames(readAll(chunks))
  },
)

test('a body within one chunk is not copied', () => {
  const [frame] = readAll([stream])
  expect(frame?.body.buffer).toBe(stream.buffer)
})

test('a frame over 16 MiB is refused on both sides', () => {
  const header = encodeHeader(102, 1, FRAME_MAX)
  header.writeUInt32LE(FRAME_MAX + 1, 0)
  expect(() => readAll([header])).toThrow('over the limit')
  expect(() => readAll([header.subarray(0, 5), header.subarray(5)])).toThrow('over the limit')
  expect(() => encodeFrame(2, 1, frameFields().b(Buffer.alloc(FRAME_MAX)))).toThrow('over the limit')
})
