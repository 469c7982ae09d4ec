import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { checkMediaType, detectCompression, type Compression } from '../../../src/images/layers/compression.ts'
import { decompress } from '../../../src/images/layers/decompress.ts'
import { unpackLimits } from '../../../src/images/layers/unpack-limits.ts'
import { unpackedStream } from '../../../src/images/layers/unpacked-stream.ts'
import { errorOf } from '../../support/containers.ts'

const content = Buffer.concat([randomBytes(300_000), Buffer.alloc(2_000_000, 'compressible '), randomBytes(1000)])

async function* pieces(bytes: Buffer, size = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function run(bytes: Buffer, compression: Compression, piece?: number, windowBytes = 2 ** 27): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of decompress(pieces(bytes, piece), compression, windowBytes)) hash.update(chunk)
  return hash.digest('hex')
}

function zstd(bytes: Buffer, ...args: string[]): Buffer {
  return execFileSync('zstd', ['-q', '-c', ...args], { input: bytes, maxBuffer: 2 ** 26 })
}

const digest = createHash('sha256').update(content).digest('hex')
const hasZstd = canRun('zstd')

function canRun(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('gzip', () => {
  test.each([1000, 100_000, 10_000_000])('in pieces of %i bytes', async (piece) => {
    expect(await run(gzipSync(content), 'gzip', piece)).toBe(digest)
  })

  test('of several members', async () => {
    const members = [content.subarray(0, 1000), content.subarray(1000)].map((part) => gzipSync(part))
    expect(await run(Buffer.concat(members), 'gzip')).toBe(digest)
  })

  test('that is cut, damaged or followed by something is refused', async () => {
    const bytes = gzipSync(content)
    for (const size of [3, 11, 1000, bytes.length - 1]) {
      expect((await errorOf(run(bytes.subarray(0, size), 'gzip'))).code, `cut at ${size}`).toBe('ERR_INVALID_ARCHIVE')
    }
    const damaged = Buffer.from(bytes)
    damaged[200_000]! ^= 1
    expect(await errorOf(run(damaged, 'gzip'))).toMatchObject({ code: 'ERR_INVALID_ARCHIVE' })
    for (const rest of ['x', '\0', 'garbage '.repeat(10_000)]) {
      const error = await errorOf(run(Buffer.concat([bytes, Buffer.from(rest)]), 'gzip'))
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARCHIVE' })
    }
  })
})

describe.skipIf(!hasZstd)('Zstandard', () => {
  test.each([['-1'], ['-19'], ['--long=27'], ['--no-check'], ['--no-content-size']])('with %s', async (option) => {
    for (const piece of [777, 1_000_000]) expect(await run(zstd(content, option), 'zstd', piece)).toBe(digest)
  })

  test('of several frames, empty ones and skippable ones among them', async () => {
    const skippable = Buffer.concat([Buffer.from('5a2a4d1803000000', 'hex'), Buffer.from('abc')])
    const frames = [
      skippable,
      zstd(content.subarray(0, 9)),
      zstd(Buffer.alloc(0)),
      zstd(content.subarray(9)),
      skippable,
    ]
    expect(await run(Buffer.concat(frames), 'zstd', 500)).toBe(digest)
  })

  test('of a few bytes', async () => {
    for (const text of ['', 'a', 'hello']) {
      const expected = createHash('sha256').update(text).digest('hex')
      expect(await run(zstd(Buffer.from(text), '--no-check'), 'zstd')).toBe(expected)
    }
  })

  test('that is cut anywhere is refused', async () => {
    const bytes = zstd(content.subarray(0, 5000))
    for (let size = 1; size < bytes.length; size += 50) {
      expect((await errorOf(run(bytes.subarray(0, size), 'zstd'))).code, `cut at ${size}`).toBe('ERR_INVALID_ARCHIVE')
    }
    const followed = Buffer.concat([bytes, Buffer.from('something else')])
    expect(await errorOf(run(followed, 'zstd'))).toMatchObject({ code: 'ERR_INVALID_ARCHIVE' })
  })

  test('that asks for more memory than allowed is refused before it gets it', async () => {
    const error = await errorOf(run(zstd(content, '--long=27', '--no-content-size'), 'zstd', 1000, 2 ** 20))
    expect(error).toMatchObject({ code: 'ERR_ARCHIVE_LIMIT', hint: expect.stringContaining('windowBytes') as string })
    // A descriptor of two gigabytes in a frame of ten bytes.
    const bomb = Buffer.from('28b52ffd00a8010000000000', 'hex')
    expect(await errorOf(run(bomb, 'zstd'))).toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' })
  })
})

describe('the first bytes', () => {
  test('tell the compression', () => {
    expect(detectCompression(gzipSync(''))).toBe('gzip')
    expect(detectCompression(Buffer.from('28b52ffd24', 'hex'))).toBe('zstd')
    expect(detectCompression(Buffer.from('502a4d18', 'hex'))).toBe('zstd')
    expect(detectCompression(Buffer.from('usr/bin'))).toBe('none')
    expect(detectCompression(Buffer.alloc(0))).toBe('none')
  })

  test('of other programs lead to an error that says what to do', () => {
    expect(() => detectCompression(Buffer.from('fd377a585a00', 'hex'))).toThrow(/xz -dc/)
    expect(() => detectCompression(Buffer.from('BZh91AY'))).toThrow(/bzip2 -dc/)
  })

  test('have to be what the media type says, if it says something', () => {
    const type = 'application/vnd.oci.image.layer.v1.tar'
    checkMediaType(undefined, 'gzip')
    checkMediaType('application/octet-stream', 'zstd')
    checkMediaType(`${type}+gzip`, 'gzip')
    checkMediaType('application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip')
    checkMediaType(type, 'none')
    const wrong = expect.objectContaining({ code: 'ERR_INVALID_IMAGE' })
    expect(() => checkMediaType(`${type}+zstd`, 'gzip')).toThrow(wrong)
    expect(() => checkMediaType(type, 'gzip')).toThrow(wrong)
  })
})

describe('limits', () => {
  async function grow(bytes: Buffer, limits: object): Promise<number> {
    let size = 0
    for await (const chunk of unpackedStream(pieces(bytes), { limits: unpackLimits({}, limits) })) size += chunk.length
    return size
  }

  test('hold for size and ratio, and the error says which', async () => {
    const zeros = gzipSync(Buffer.alloc(4_000_000))
    expect(await grow(zeros, {})).toBe(4_000_000)
    expect((await errorOf(grow(zeros, { bytes: 3_999_999 }))).hint).toMatch(/limits\.bytes/)
    expect((await errorOf(grow(zeros, { ratioFrom: 1_000_000 }))).hint).toMatch(/limits\.ratio/)
    expect(await grow(gzipSync(content), { ratioFrom: 1 })).toBe(content.length)
  })

  test('come from the environment, and from the call', () => {
    expect(unpackLimits({ AIRPLANT_UNPACK_LIMITS: ' entries=5 , ratio=10' })).toMatchObject({ entries: 5, ratio: 10 })
    expect(unpackLimits({ AIRPLANT_UNPACK_LIMITS: 'entries=5' }, { entries: 6 })).toMatchObject({ entries: 6 })
    const invalid = expect.objectContaining({ code: 'ERR_INVALID_OPTION' })
    for (const text of ['entries', 'entries=', 'entries=x', 'entries=0', 'others=1', 'toString=1']) {
      expect(() => unpackLimits({ AIRPLANT_UNPACK_LIMITS: text }), text).toThrow(invalid)
    }
    expect(() => unpackLimits({}, { depth: -1 })).toThrow(invalid)
  })
})
