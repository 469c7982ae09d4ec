import { expect, test } from 'vitest'
import { FieldReader, FieldWriter } from '../../../src/rootless/protocol/fields.ts'

test('every kind of field is read back as it was written', () => {
  const bytes = new FieldWriter()
    .u(0)
    .u(Number.MAX_SAFE_INTEGER)
    .u(2n ** 64n - 1n)
    .s('')
    .s('grün 🌱')
    .b(Buffer.from([0, 1, 255]))
    .v([])
    .v(['a', '', 'ü'])
    .finish()
  const reader = new FieldReader(bytes)
  expect(reader.u()).toBe(0)
  expect(reader.u()).toBe(Number.MAX_SAFE_INTEGER)
  expect(reader.big()).toBe(2n ** 64n - 1n)
  expect(reader.s()).toBe('')
  expect(reader.s()).toBe('grün 🌱')
  expect([...reader.b()]).toEqual([0, 1, 255])
  expect(reader.v()).toEqual([])
  expect(reader.v()).toEqual(['a', '', 'ü'])
  reader.end()
})

test('the bytes are those of docs/protocol.md', () => {
  const bytes = new FieldWriter().u(0x0102).s('hi').v(['x']).finish()
  expect(bytes.toString('hex')).toBe('0201000000000000' + '02000000686900' + '01000000' + '010000007800')
})

test('a writer grows over any number of fields', () => {
  const large = Buffer.alloc(100_000, 7)
  const writer = new FieldWriter(12)
  for (let index = 0; index < 10; index++) writer.u(index).b(large)
  const reader = new FieldReader(writer.finish().subarray(12))
  for (let index = 0; index < 10; index++) {
    expect(reader.u()).toBe(index)
    expect(reader.b().equals(large)).toBe(true)
  }
  reader.end()
})

test('text with a NUL is refused', () => {
  expect(() => new FieldWriter().s('a\0b')).toThrow('it has a NUL character')
  expect(() => new FieldWriter().v(['fine', '\0'])).toThrow(TypeError)
})

test.each([-1, 1.5, NaN, Infinity, 2 ** 53, -1n, 2n ** 64n])('%s is refused as an integer', (value) => {
  expect(() => new FieldWriter().u(value)).toThrow(RangeError)
})

test('bytes that end early are refused at every length', () => {
  const bytes = new FieldWriter().u(1).s('text').b(Buffer.from('bytes')).v(['a', 'b']).finish()
  for (let size = 0; size < bytes.length; size++) {
    const reader = new FieldReader(bytes.subarray(0, size))
    expect(() => [reader.u(), reader.s(), reader.b(), reader.v()]).toThrow(RangeError)
  }
})

test('a count that the bytes cannot hold, a text without its NUL and bytes left over are refused', () => {
  expect(() => new FieldReader(Buffer.from('ffffffff0000', 'hex')).v()).toThrow('no room')
  expect(() => new FieldReader(Buffer.from('0100000041', 'hex')).s()).toThrow(RangeError)
  expect(() => new FieldReader(Buffer.from('020000004100410000', 'hex')).s()).toThrow('NUL in a text')
  expect(() => new FieldReader(Buffer.from('00', 'hex')).end()).toThrow('1 bytes after')
  expect(() => new FieldReader(new FieldWriter().u(2n ** 63n).finish()).u()).toThrow('too large')
})
