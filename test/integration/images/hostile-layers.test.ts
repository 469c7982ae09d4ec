import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorOf, isSingleId } from '../../support/containers.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { list, PullBench } from '../../support/pull-bench.ts'
import {
  tarArchive,
  tarDirectory,
  tarEntry,
  tarFile,
  tarHardLink,
  tarHeader,
  tarLongName,
  tarPax,
  tarSymlink,
} from '../../support/tar-builder.ts'

const left = watchLeftovers()
const outside = mkdtempSync(join(tmpdir(), 'airplant-outside-'))
let bench: PullBench

beforeAll(async () => {
  writeFileSync(join(outside, 'file'), 'untouched', { mode: 0o666 })
  mkdirSync(join(outside, 'directory'))
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  rmSync(outside, { recursive: true })
  await left.assertNone()
})

const evil = (name: string): Buffer => tarFile(name, 'evil')
const deep = 'd/'.repeat(300)

/** Archives that have to be refused, with the code of the error. */
const refused: readonly (readonly [what: string, code: string, parts: readonly Buffer[], limits?: string])[] = [
  ['a name with ..', 'ERR_UNSAFE_ARCHIVE', [evil('../escaped')]],
  ['.. after a directory', 'ERR_UNSAFE_ARCHIVE', [tarDirectory('a/'), evil('a/../../escaped')]],
  ['.. in a PAX path', 'ERR_UNSAFE_ARCHIVE', [tarPax([['path', '../../escaped']]), evil('harmless')]],
  ['.. in a GNU long name', 'ERR_UNSAFE_ARCHIVE', [tarLongName('../../escaped'), evil('harmless')]],
  ['a whiteout of ..', 'ERR_UNSAFE_ARCHIVE', [evil('a/.wh...')]],
  ['a hard link with ..', 'ERR_UNSAFE_ARCHIVE', [tarHardLink('x', `../../../..${outside}/file`)]],
  ['a hard link to what is outside', 'ERR_INVALID_ARCHIVE', [tarHardLink('x', join(outside, 'file'))]],
  ['a hard link through a link outward', 'ERR_INVALID_ARCHIVE', [tarSymlink('l', outside), tarHardLink('x', 'l/file')]],
  ['a name deeper than the limit', 'ERR_ARCHIVE_LIMIT', [tarLongName(`${deep}file`), evil('x')]],
  ['a name longer than Linux knows', 'ERR_ARCHIVE_LIMIT', [tarLongName('n'.repeat(300)), evil('x')]],
  ['a size that is not there', 'ERR_INVALID_ARCHIVE', [tarHeader({ name: 'x', size: 1_000_000 })]],
  ['a wrong checksum', 'ERR_INVALID_ARCHIVE', [tarHeader({ name: 'x', checksumError: 1 }), Buffer.alloc(512)]],
  ['a size below zero', 'ERR_INVALID_ARCHIVE', [tarHeader({ name: 'x', size: Buffer.alloc(12, 0xff) })]],
  [
    'more entries than allowed',
    'ERR_ARCHIVE_LIMIT',
    Array.from({ length: 200 }, (_, at) => evil(`f${at}`)),
    'entries=100',
  ],
  ['more bytes than allowed', 'ERR_ARCHIVE_LIMIT', [tarFile('x', Buffer.alloc(200_000))], 'bytes=100000'],
  ['a gzip bomb', 'ERR_ARCHIVE_LIMIT', [tarFile('x', Buffer.alloc(20_000_000))], 'ratio=100,ratioFrom=1000000'],
]

test.for(refused)('a layer with %s is refused, and nothing is kept or touched', async ([, code, parts, limits]) => {
  const archive = tarArchive(tarFile('first', 'first'), ...parts)
  const name = bench.registry.serve('hostile/layer:1', imageOf([tarArchive(tarFile('base')), archive]))
  const to = bench.fresh(limits === undefined ? {} : { AIRPLANT_UNPACK_LIMITS: limits })
  await to.store.sweep()
  const [before, around] = [to.listing(), list(outside)]
  const error = await errorOf(to.pull(name))
  expect({ code: error.code, message: error.message }).toMatchObject({ code })
  expect(error).toMatchObject({ phase: 'unpack', image: name })
  expect(error.hint).toMatch(/^[A-Z]/)
  expect(error.message.match(/Hint:/g)).toHaveLength(1)
  expect(to.listing()).toEqual(before)
  expect(list(outside)).toEqual(around)
})

/** Archives that look as if they left the layer, and do not: what they write stays in it. */
const contained: readonly (readonly [string, readonly Buffer[], readonly string[]])[] = [
  ['an absolute name', [evil('/etc/absolute')], ['etc/absolute']],
  ['a file below a link outward', [tarSymlink('out', outside), evil('out/planted')], []],
  ['a file below a chain of links', [tarSymlink('a', 'b'), tarSymlink('b', outside), evil('a/planted')], []],
  ['a file over a link outward', [tarSymlink('file', join(outside, 'file')), evil('file')], ['file']],
  [
    'a directory over a link outward',
    [tarSymlink('d', outside), tarDirectory('d/', { mode: 0o777 }), evil('d/planted')],
    [],
  ],
  [
    'a parent that becomes a link',
    [tarDirectory('p/'), evil('p/one'), tarSymlink('p', outside), evil('p/planted')],
    [],
  ],
  ['names that differ in case only', [tarSymlink('Link', outside), evil('link/planted')], ['link/planted']],
  ['names that differ in Unicode only', [tarSymlink('\u00e9', outside), evil('e\u0301/planted')], ['e\u0301/planted']],
  ['a whiteout below a link outward', [tarSymlink('out', outside), evil('out/.wh.file')], []],
  ['an opaque mark below a link outward', [tarSymlink('out', outside), evil('out/.wh..wh..opq')], []],
  [
    'a device and a fifo',
    [tarEntry({ name: 'sda', type: '4', major: 8 }), tarEntry({ name: 'pipe', type: '6' })],
    ['pipe'],
  ],
]

test.each(contained)('a layer with %s stays within itself', async (_, parts, expected) => {
  const name = bench.registry.serve('contained/layer:1', imageOf([tarArchive(...parts)]))
  const to = bench.fresh()
  const around = list(outside)
  const outcome = await to.pull(name).catch((error: unknown) => error)
  expect(list(outside)).toEqual(around)
  if (outcome instanceof Error) expect(outcome).toMatchObject({ phase: 'unpack', image: name })
  const [layer] = 'layers' in (outcome as object) ? (outcome as Awaited<ReturnType<typeof to.pull>>).layers : []
  const there = layer ? list(layer.directory).map((line) => line.replace(/ \d+$/, '')) : []
  expect(there).toEqual(expect.arrayContaining([...expected]))
})

test('owners beyond the mapping are told with the ID, the file and what to change', async ({ skip }) => {
  if (isSingleId) skip('a single ID takes all owners')
  const archive = tarArchive(tarFile('fine'), tarFile('srv/owned', 'x', { uid: 500_000, gid: 7 }))
  const name = bench.registry.serve('hostile/owner:1', imageOf([archive]))
  const to = bench.fresh()
  await to.store.sweep()
  const before = to.listing()
  const error = await errorOf(to.pull(name))
  expect(error).toMatchObject({ code: 'ERR_UNMAPPED_OWNER', phase: 'unpack', image: name })
  expect(error.message).toContain('500000')
  expect(error.message).toContain('srv/owned')
  expect(error.hint).toContain('/etc/subuid')
  expect(to.listing()).toEqual(before)
})
