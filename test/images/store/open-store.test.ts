import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../../../src/images/store/open-store.ts'
import { mappingName } from '../../../src/images/store/store-layout.ts'
import type { IdMapping } from '../../../src/rootless/ids/id-mapping.ts'

const uid = process.geteuid!()
const gid = process.getegid!()
const single: IdMapping = {
  method: 'single',
  uids: [{ inside: 0, outside: uid, count: 1 }],
  gids: [{ inside: 0, outside: gid, count: 1 }],
  rootUid: uid,
  rootGid: gid,
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'airplant-store-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

function storeError(part: string): unknown {
  return expect.objectContaining({ code: 'ERR_STORE', message: expect.stringContaining(part) })
}

test('a store is made where there is none, for its user only', () => {
  const home = join(directory, 'deep', 'home')
  const layout = openStore(home, single)
  for (const path of [home, layout.layers, layout.blobs, layout.tmp, layout.locks, layout.uses, layout.volumes]) {
    expect(statSync(path).mode & 0o777).toBe(0o700)
  }
  expect(JSON.parse(readFileSync(join(home, 'store.json'), 'utf8'))).toEqual({ version: 1 })
  expect(JSON.parse(readFileSync(layout.index, 'utf8'))).toEqual({ schemaVersion: 2, manifests: [] })
})

test('a store is opened again as it is, and completed where making it was cut short', () => {
  const { index, tmp, version } = openStore(directory, single)
  writeFileSync(index, '{"schemaVersion":2,"manifests":[],"annotations":{}}')
  rmSync(tmp, { recursive: true })
  rmSync(version)
  openStore(directory, single)
  expect(existsSync(tmp)).toBe(true)
  expect(readFileSync(index, 'utf8')).toContain('annotations')
})

test('a store of a newer version is refused, with what to do', () => {
  writeFileSync(join(directory, 'store.json'), '{"version":2}')
  expect(() => openStore(directory, single)).toThrow(storeError('version 2'))
  expect(() => openStore(directory, single)).toThrow(/Hint: Update airplant/)
})

test('a damaged record of the version is told as such', () => {
  for (const text of ['', '{', '{"version":"1"}', '[]', 'null']) {
    writeFileSync(join(directory, 'store.json'), text)
    expect(() => openStore(directory, single)).toThrow(storeError('store.json'))
  }
})

test('a directory with other files is not made a store', () => {
  mkdirSync(join(directory, 'Documents'))
  expect(() => openStore(directory, single)).toThrow(storeError('Documents'))
})

test('a store in a directory that was open to others is closed to them', () => {
  chmodSync(directory, 0o777)
  openStore(directory, single)
  expect(statSync(directory).mode & 0o777).toBe(0o700)
})

test('a directory that turns out to be no store stays as it is', () => {
  chmodSync(directory, 0o755)
  mkdirSync(join(directory, 'Documents'))
  expect(() => openStore(directory, single)).toThrow(storeError('Documents'))
  expect(statSync(directory).mode & 0o777).toBe(0o755)
})

test('what others put into it beforehand is not taken for ours', ({ skip }) => {
  if (uid !== 0) skip('only root can make files of another user')
  for (const name of ['layers', 'oci', 'tmp', 'uses']) {
    const home = join(directory, name)
    openStore(home, single)
    chownSync(join(home, name), 1234, 1234)
    expect(() => openStore(home, single)).toThrow(storeError('it belongs to user ID 1234'))
  }
  const home = join(directory, 'links')
  openStore(home, single)
  rmSync(join(home, 'locks'), { recursive: true })
  symlinkSync('/etc', join(home, 'locks'))
  expect(() => openStore(home, single)).toThrow(storeError('it is not a directory'))
})

test('what is no directory, or cannot be written, is told', () => {
  writeFileSync(join(directory, 'file'), '')
  expect(() => openStore(join(directory, 'file'), single)).toThrow(expect.objectContaining({ code: 'ERR_STORE' }))
  expect(() => openStore('/proc/airplant/store', single)).toThrow(expect.objectContaining({ code: 'ERR_STORE' }))
  if (uid === 0) return
  chmodSync(directory, 0o500)
  expect(() => openStore(join(directory, 'x'), single)).toThrow(storeError('EACCES'))
  expect(() => openStore('/', single)).toThrow(expect.objectContaining({ code: 'ERR_STORE' }))
  chmodSync(directory, 0o700)
})

test('each mapping of IDs has a name of its own', () => {
  const usual: IdMapping = {
    ...single,
    method: 'newuidmap',
    uids: [
      { inside: 0, outside: 1001, count: 1 },
      { inside: 1, outside: 100_000, count: 65_536 },
    ],
    gids: [
      { inside: 0, outside: 1001, count: 1 },
      { inside: 1, outside: 100_000, count: 65_536 },
    ],
    rootUid: 1001,
  }
  expect(mappingName(single)).toBe('single')
  expect(mappingName(usual)).toBe('ids-1001-100000')
  const other = mappingName({ ...usual, gids: [{ inside: 0, outside: 5, count: 1 }, usual.gids[1]!] })
  expect(other).toMatch(/^ids-1001-[0-9a-f]{12}$/)
})
