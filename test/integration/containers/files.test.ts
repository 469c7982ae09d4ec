import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, isSingleId, outputOf } from '../../support/containers.ts'
import { hashTree, tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const rootfs = { image: { rootfs: root.path } }
const source = mkdtempSync(join(tmpdir(), 'airplant-files-'))
const large = randomBytes(3_000_001)
afterAll(() => {
  root[Symbol.dispose]()
  rmSync(source, { recursive: true })
})

mkdirSync(join(source, 'tree/below/.hidden'), { recursive: true })
writeFileSync(join(source, 'tree/one.sql'), 'one')
writeFileSync(join(source, 'tree/two.sql'), 'two')
writeFileSync(join(source, 'tree/below/three.sql'), 'three')
writeFileSync(join(source, 'tree/below/.hidden/four'), 'four')
writeFileSync(join(source, 'large'), large)
writeFileSync(join(source, 'script'), '#!/bin/sh\necho script ran\n')
chmodSync(join(source, 'script'), 0o750)
symlinkSync('/etc/shadow', join(source, 'tree/link.sql'))

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', { rootfs: root.path }],
]

describe.each(images)('on %s', (_, image) => {
  test('a file has its content, mode and parents', async () => {
    const files = [
      { target: '/tmp/a/b/text', content: 'grüße\n' },
      { target: '/tmp/empty', content: '', mode: 0o600 },
      { target: '/tmp/bytes', content: Uint8Array.from([0, 255, 10, 0]) },
    ]
    const script = 'cat /tmp/a/b/text; stat -c "%a %u:%g %s" /tmp/a/b/text /tmp/empty /tmp/bytes; md5sum < /tmp/bytes'
    const sum = createHash('md5')
      .update(Uint8Array.from([0, 255, 10, 0]))
      .digest('hex')
    expect(await outputOf(script, { image, files })).toBe(
      `grüße\n644 0:0 6\n600 0:0 0\n644 0:0 4\n${sum}  -`.replace('644 0:0 6', '644 0:0 8'),
    )
  })

  test('a source keeps its mode and can be run', async () => {
    const files = [{ target: '/tmp/run', source: join(source, 'script') }]
    expect(await outputOf('/tmp/run; stat -c %a /tmp/run', { image, files })).toBe('script ran\n750')
  })

  test('a source of more than 64 KiB arrives whole', async () => {
    const files = [{ target: '/tmp/large', source: join(source, 'large'), mode: 0o640 }]
    const sum = createHash('md5').update(large).digest('hex')
    expect(await outputOf('md5sum < /tmp/large; stat -c %a /tmp/large', { image, files })).toBe(`${sum}  -\n640`)
  })

  test('a directory comes with what is below it, without its links', async () => {
    const files = [{ target: '/tmp/in', source: join(source, 'tree') }]
    const listing = await outputOf('cd /tmp/in && find . -type f | sort; find . -type l', { image, files })
    expect(listing).toBe('./below/.hidden/four\n./below/three.sql\n./one.sql\n./two.sql')
  })

  test('a glob comes into the directory', async () => {
    const files = [{ target: '/tmp/in', source: join(source, 'tree/**/*.sql') }]
    expect(await outputOf('cd /tmp/in && ls', { image, files })).toBe('one.sql\nthree.sql\ntwo.sql')
  })

  test('files go into a tmpfs', async () => {
    const options = { image, tmpfs: ['/tmp/memory'], files: [{ target: '/tmp/memory/x/y', content: 'in memory' }] }
    expect(await outputOf("cat /tmp/memory/x/y; echo; grep -c '/tmp/memory tmpfs' /proc/mounts", options)).toBe(
      'in memory\n1',
    )
  })

  test.skipIf(isSingleId)('a file has its owner', async () => {
    const files = [
      { target: '/tmp/one', content: '1', owner: 1000 },
      { target: '/tmp/two', content: '2', owner: '1000:44', mode: 0o400 },
      { target: '/tmp/three', source: join(source, 'large'), owner: '7:8' },
    ]
    expect(await outputOf('stat -c "%u:%g %a" /tmp/one /tmp/two /tmp/three', { image, files })).toBe(
      '1000:1000 644\n1000:44 400\n7:8 644',
    )
  })

  test('a source that is not there is named', async () => {
    for (const missing of ['nothing', 'no*.sql', 'tree/*.none']) {
      const files = [{ target: '/tmp/x', source: join(source, missing) }]
      const error = await errorOf(withContainer({ image, files, command: ['true'] }))
      expect(error).toMatchObject({ code: 'ERR_SOURCE_MISSING', phase: 'create' })
      expect(error.message).toContain(missing)
    }
  })
})

test('a file replaces one of the root, in the container only', async () => {
  const hash = hashTree(root.path)
  const files = [{ target: '/etc/passwd', content: 'root:x:0:0::/new-home:/bin/sh\n' }]
  expect(await outputOf('cat /etc/passwd; echo $HOME', { ...rootfs, files })).toBe(
    'root:x:0:0::/new-home:/bin/sh\n/new-home',
  )
  expect(hashTree(root.path)).toBe(hash)
})

test('a link of the root leads a file inside the root, never outside', async () => {
  using linked = tinyRoot()
  const outside = mkdtempSync(join(tmpdir(), 'airplant-outside-'))
  symlinkSync(outside, join(linked.path, 'data'))
  symlinkSync('../../../../../../../../tmp', join(linked.path, 'up'))
  const image = { rootfs: linked.path }
  expect(await outputOf('cat /tmp/x', { image, files: [{ target: '/up/x', content: 'inside' }] })).toBe('inside')
  const files = [{ target: '/data/x', content: 'x' }]
  const result = await outputOf(`cat ${outside}/x`, { image, files }).catch((error: unknown) => String(error))
  expect(result).toMatch(/^x$|Cannot place/)
  expect(readdirSync(outside)).toEqual([])
  rmdirSync(outside)
})

test('a read-only place refuses files with the place and what to do', async () => {
  const files = [{ target: '/etc/new', content: 'x' }]
  const error = await errorOf(withContainer({ files, command: ['true'] }))
  expect(error).toMatchObject({ code: 'ERR_STEP_FAILED', errno: 'EROFS', phase: 'start' })
  expect(error.message).toContain('/etc/new')
  expect(error.hint).toContain('tmpfs')
})

test('a read-only root still takes files', async () => {
  const files = [{ target: '/etc/new', content: 'placed' }]
  expect(await outputOf('cat /etc/new; touch /x 2>&1', { ...rootfs, files, readOnly: true })).toMatch(
    /^placed.*Read-only/,
  )
})

test('many files that are too large for one frame', async () => {
  const tree = mkdtempSync(join(tmpdir(), 'airplant-many-'))
  for (let index = 0; index < 300; index++) writeFileSync(join(tree, `${index}`), Buffer.alloc(60_000, index))
  const files = [{ target: '/data', source: tree }]
  expect(await outputOf('cat /data/* | wc -c; ls /data | wc -l', { ...rootfs, files })).toBe('18000000\n300')
  for (let index = 300; index < 700; index++) writeFileSync(join(tree, `${index}`), Buffer.alloc(60_000))
  expect((await errorOf(outputOf('true', { ...rootfs, files }))).code).toBe('ERR_INVALID_OPTION')
  const contents = ['/a', '/b', '/c'].map((target) => ({ target, content: Buffer.alloc(7_000_000) }))
  expect((await errorOf(outputOf('true', { ...rootfs, files: contents }))).code).toBe('ERR_INVALID_OPTION')
  rmSync(tree, { recursive: true })
})

test('a source that may not be read is named', async ({ skip }) => {
  if (process.getuid?.() === 0) skip('root may read everything')
  for (const path of ['/etc/shadow', '/proc/1/mem']) {
    const files = [{ target: '/x', source: path }]
    const error = await errorOf(outputOf('true', { ...rootfs, files }))
    expect(error).toMatchObject({ code: 'ERR_SOURCE_MISSING', errno: 'EACCES' })
  }
})

test('2,000 files at once', async () => {
  const many = Array.from({ length: 2000 }, (_, index) => ({ target: `/data/${index % 50}/${index}`, content: 'x' }))
  expect(await outputOf('find /data -type f | wc -l', { ...rootfs, files: many })).toBe('2000')
})
