import { execFileSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { packLayer, type PackOptions } from '../../../src/images/layers/pack-layer.ts'
import { tarItems } from '../../../src/images/layers/tar-items.ts'
import type { PackItem } from '../../../src/images/layers/tar-bytes.ts'
import { errorOf } from '../../support/containers.ts'
import { sha256 } from '../../support/layers.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'
import { readArchive } from '../tar/read-events.ts'

async function* data(...chunks: string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

function item(entry: Partial<PackItem['entry']>, ...chunks: string[]): PackItem {
  const size = chunks.join('').length
  return {
    entry: {
      ...{
        kind: 'file',
        path: 'file',
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 1000,
        mtimeNs: 500,
        size,
        link: '',
        device: 0,
      },
      ...{ xattrs: new Map(), ...entry },
    },
    data: data(...chunks),
  }
}

async function* all(...items: PackItem[]): AsyncGenerator<PackItem> {
  yield* items
}

function sample(): AsyncGenerator<PackItem> {
  return all(
    item({ kind: 'directory', path: '', mode: 0o755 }),
    item({ kind: 'directory', path: 'etc' }),
    item({ path: 'etc/motd', xattrs: new Map([['user.a', Buffer.from([255, 0])]]) }, 'hel', 'lo'),
    item({ kind: 'hardlink', path: 'etc/hard', link: 'etc/motd' }),
    item({ kind: 'symlink', path: 'etc/link', link: 'motd' }),
    item({ kind: 'socket', path: 'run/socket' }),
    item({ kind: 'whiteout', path: 'etc/gone' }),
    item({ kind: 'opaque', path: 'var' }),
  )
}

async function pack(
  items: AsyncIterable<PackItem>,
  options: PackOptions,
): Promise<{ bytes: Buffer; result: Awaited<ReturnType<typeof packLayer>['result']> }> {
  const { stream, result } = packLayer(items, options)
  const bytes = Buffer.concat((await stream.toArray()) as Buffer[])
  return { bytes, result: await result }
}

describe('a layer is packed', () => {
  test('and its digests are those of its bytes', async () => {
    const { bytes, result } = await pack(sample(), { compression: 'gzip' })
    const tar = gunzipSync(bytes)
    expect(result).toEqual({
      ...{ digest: sha256(bytes), diffId: sha256(tar), size: bytes.length },
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    })
    const names = readArchive(tar).map(({ name, type, content }) => [name, type, content.toString()])
    expect(names).toEqual([
      ['./', 'directory', ''],
      ['etc/', 'directory', ''],
      ['etc/motd', 'file', 'hello'],
      ['etc/hard', 'hardlink', ''],
      ['etc/link', 'symlink', ''],
      ['etc/.wh.gone', 'file', ''],
      ['var/.wh..wh..opq', 'file', ''],
    ])
    expect(readArchive(tar)[2]?.xattrs.get('user.a')).toEqual(Buffer.from([255, 0]))
  })

  test('to the same bytes every time', async () => {
    for (const compression of ['none', 'gzip'] as const) {
      const [first, second] = [await pack(sample(), { compression }), await pack(sample(), { compression })]
      expect(first.bytes.equals(second.bytes)).toBe(true)
    }
  })

  test('though a file grows or shrinks meanwhile', async () => {
    const grown = { ...item({ path: 'grown' }, 'abc'), data: data('abc', 'def') }
    const shrunk = { ...item({ path: 'shrunk' }, 'abcdef'), data: data('ab') }
    const { bytes } = await pack(all(grown, shrunk), { compression: 'none' })
    expect(readArchive(bytes).map(({ content }) => content.toString())).toEqual(['abc', 'ab\0\0\0\0'])
  })

  test('and GNU tar reads it', async () => {
    const { bytes } = await pack(sample(), { compression: 'gzip', fractions: true })
    expect(execFileSync('tar', ['-tzf', '-'], { input: bytes }).toString()).toContain('etc/.wh.gone\n')
  })

  test('until the items fail or nobody reads any more, and both are told', async () => {
    const failing = async function* (): AsyncGenerator<PackItem> {
      yield item({}, 'x')
      throw new Error('disk on fire')
    }
    const broken = packLayer(failing(), { compression: 'gzip' })
    await expect(broken.stream.toArray()).rejects.toThrow('disk on fire')
    await expect(broken.result).rejects.toThrow('disk on fire')
    let ended = false
    const endless = async function* (): AsyncGenerator<PackItem> {
      try {
        for (;;) yield item({ size: 1_000_000 })
      } finally {
        ended = true
      }
    }
    const left = packLayer(endless(), { compression: 'none' })
    for await (const _ of left.stream) break
    expect(await errorOf(left.result)).toMatchObject({ code: 'ERR_ABORTED' })
    await expect.poll(() => ended).toBe(true)
  })
})

describe('an archive is read as items', () => {
  async function* archive(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(tarArchive(tarFile('./a', 'one'), tarFile('.wh.b', 'two'), tarFile('c', 'x'.repeat(3000))))
  }

  test('whose data may be read or passed over', async () => {
    const names: string[] = []
    for await (const { entry, data: content } of tarItems(archive())) {
      names.push(entry.path)
      if (entry.path === 'a') continue
      const chunks: Buffer[] = []
      for await (const chunk of content) chunks.push(chunk)
      expect(Buffer.concat(chunks).length).toBe(entry.size)
    }
    expect(names).toEqual(['a', '.wh.b', 'c'])
  })

  test('within the limits', async () => {
    const read = async (): Promise<void> => {
      for await (const _ of tarItems(archive(), { limits: { entries: 2 } }));
    }
    expect(await errorOf(read())).toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' })
  })
})
