import { describe, expect, test } from 'vitest'
import { magic, padded, tarArchive, tarEntry, tarFile, tarPax, wide } from '../../support/tar-builder.ts'
import { readArchive } from './read-events.ts'

const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARCHIVE' })

/** PAX 1.0: the map stands before the content. */
function sparse(
  map: string,
  stored: string,
  realSize: string,
  size = 512 * Math.ceil(map.length / 512) + stored.length,
): Buffer {
  const content = Buffer.concat([padded(Buffer.from(map)), Buffer.from(stored)])
  return Buffer.concat([
    tarPax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'sparse'],
      ['GNU.sparse.realsize', realSize],
    ]),
    tarEntry({ name: 'GNUSparseFile.1/sparse', size }, content),
    tarFile('after'),
  ])
}

function pairs(...numbers: number[]): string {
  return [numbers.length / 2, ...numbers].map((number) => `${number}\n`).join('')
}

describe('a sparse file', () => {
  test('is data between holes', () => {
    const [file, after] = readArchive(tarArchive(sparse(pairs(3, 2, 10, 1), 'abc', '12')))
    expect(file).toMatchObject({ name: 'sparse', size: 12, holes: 9, content: Buffer.from('\0\0\0ab\0\0\0\0\0c\0') })
    expect(after?.name).toBe('after')
  })

  test('may be one hole, and have a map of many blocks', () => {
    expect(readArchive(tarArchive(sparse(pairs(100_000, 0), '', '100000')))[0]).toMatchObject({ holes: 100_000 })
    const many = Array.from({ length: 1000 }, (_, index) => [index * 2, 1]).flat()
    const [file] = readArchive(tarArchive(sparse(pairs(...many), 'x'.repeat(1000), '2000')), { chunk: 300 })
    expect(file?.content.toString()).toBe('x\0'.repeat(1000))
  })

  test.each([
    ['out of order', pairs(10, 1, 3, 2), 'abc', '12'],
    ['overlapping', pairs(3, 2, 4, 1), 'abc', '12'],
    ['behind the end', pairs(3, 2, 12, 1), 'abc', '12'],
    ['of more than is stored', pairs(3, 2, 10, 2), 'abc', '12'],
    ['of less than is stored', pairs(3, 2), 'abc', '12'],
    ['that is no number', '1\nx\n1\n', 'a', '12'],
    ['with a negative number', '1\n-1\n1\n', 'a', '12'],
    ['without a count', '\n', 'a', '12'],
    ['longer than the file', `2\n${'1'.repeat(600)}`, '', '12'],
    ['with sizes that overflow', pairs(2 ** 53 - 1, 2 ** 53 - 1), '', '12'],
  ])('with a map %s is refused', (_, map, stored, size) => {
    expect(() => readArchive(tarArchive(sparse(map, stored, size)))).toThrow(invalid)
  })

  test('with a map that would fill the memory is refused', () => {
    expect(() => readArchive(tarArchive(sparse('900000000\n0\n', '', '12')))).toThrow(
      expect.objectContaining({ code: 'ERR_ARCHIVE_LIMIT' }),
    )
  })

  test('of an unknown format, or without a size, is refused', () => {
    const unknown = tarArchive(tarPax([['GNU.sparse.major', '2']]), tarFile('a', 'x')) // prettier-ignore
    expect(() => readArchive(unknown)).toThrow(invalid)
    const sizeless = tarArchive(tarPax([['GNU.sparse.map', '0,1']]), tarFile('a', 'x')) // prettier-ignore
    expect(() => readArchive(sizeless)).toThrow(invalid)
  })
})

test('the old format has more pairs in extension blocks, which are no headers', () => {
  const pair = (offset: number, size: number): Buffer => Buffer.concat([wide(offset, 12), wide(size, 12)])
  const extension = Buffer.alloc(512)
  pair(100, 1).copy(extension, 0)
  const header = tarEntry({
    ...{ name: 'old', type: 'S', magic: magic.gnu, size: 5 },
    patch: [
      [386, Buffer.concat([0, 10, 20, 30].map((offset) => pair(offset, 1)))],
      [482, '\x01'],
      [483, wide(200, 12)],
    ],
  })
  const archive = tarArchive(header, extension, padded(Buffer.from('abcde')), tarFile('after'))
  const [file, after] = readArchive(archive, { chunk: 100 })
  expect(file).toMatchObject({ name: 'old', size: 200, holes: 195 })
  expect([0, 10, 20, 30, 100].map((at) => String.fromCharCode(file!.content[at]!)).join('')).toBe('abcde')
  expect(after?.name).toBe('after')
})
