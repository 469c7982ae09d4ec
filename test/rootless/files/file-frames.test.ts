import { expect, test } from 'vitest'
import { FileFrameReader } from '../../../src/rootless/files/file-frames.ts'

function frame(type: number, body: string): Buffer {
  const bytes = Buffer.alloc(5 + body.length)
  bytes.writeUInt32LE(body.length)
  bytes[4] = type
  bytes.write(body, 5)
  return bytes
}

const all = Buffer.concat([frame(2, 'first'), frame(3, ''), frame(100, 'x'.repeat(300))])

test.each([1, 2, 4, 5, 6, 7, 100, 1000])('frames are found in chunks of %d bytes', (size) => {
  const reader = new FileFrameReader()
  const seen: string[] = []
  for (let at = 0; at < all.length; at += size) {
    for (const { type, body } of reader.read(all.subarray(at, at + size))) seen.push(`${type} ${body.toString()}`)
  }
  expect(seen).toEqual(['2 first', '3 ', `100 ${'x'.repeat(300)}`])
})

test('a frame over 16 MiB is refused before memory is taken for it', () => {
  const header = Buffer.from([1, 0, 0, 1, 3])
  expect(() => [...new FileFrameReader().read(header)]).toThrow(RangeError)
  const reader = new FileFrameReader()
  expect([...reader.read(header.subarray(0, 2))]).toEqual([])
  expect(() => [...reader.read(header.subarray(2))]).toThrow(RangeError)
})
