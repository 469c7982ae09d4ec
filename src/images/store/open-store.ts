import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { chmodSync, chownSync, linkSync, lstatSync, readdirSync } from 'node:fs'
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { makeDirectory, makeWithParents } from '../../rootless/make-directories.ts'
import type { IdMapping } from '../../rootless/ids/id-mapping.ts'
import { damaged, explainFailure } from './store-error.ts'
import type { StoreLayout } from './store-layout.ts'
import { storeLayout } from './store-layout.ts'

/** Raised when a store can no longer be read by the version before. */
const VERSION = 1

const ours = ['store.json', 'oci', 'layers', 'images', 'volumes', 'containers', 'tmp', 'locks', 'uses']

/**
 * Makes a store where there is none, and checks one that is there.
 *
 * @throws {AirplantError} `ERR_STORE` when it was made by a newer version, is damaged, is no store or is someone else's;
 *   `ERR_DISK_FULL`
 */
export function openStore(home: string, mapping: IdMapping, uid = process.geteuid?.() ?? -1): StoreLayout {
  const layout = storeLayout(home, mapping)
  const owner: Owner = { uid, root: mapping.rootUid, group: mapping.rootGid }
  try {
    makeHome(layout, owner)
    checkHome(layout, owner)
    const isThere = checkVersion(layout)
    if (!isThere) checkForeign(layout)
    closeHome(layout, owner)
    makeDirectories(layout, owner)
    if (!isThere) writeNew(layout.version, `${JSON.stringify({ version: VERSION })}\n`)
    return layout
  } catch (error) {
    throw explainFailure(error, `open the store "${home}"`)
  }
}

/** Who owns the store, and as whom the keeper works in it: the same account, except for real root's keeper. */
interface Owner {
  readonly uid: number
  readonly root: number
  readonly group: number
}

function checkVersion(layout: StoreLayout): boolean {
  let text: string
  try {
    text = readFileSync(layout.version, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  const version = versionOf(text)
  if (version === undefined) throw damaged(layout.version, 'it is no record of a version')
  if (version === VERSION) return true
  throw new AirplantError({
    code: 'ERR_STORE',
    phase: 'store',
    message: `Cannot use the store "${layout.home}": it has version ${version}, and this airplant knows ${VERSION}`,
    hint: 'Update airplant, or set AIRPLANT_HOME to another directory for this version',
    detail: layout.home,
  })
}

function versionOf(text: string): number | undefined {
  try {
    const { version } = JSON.parse(text) as { version?: unknown }
    return typeof version === 'number' && Number.isInteger(version) && version > 0 ? version : undefined
  } catch {
    return undefined
  }
}

function makeHome({ home }: StoreLayout, owner: Owner): void {
  // Above a store of real root its keeper, who is another account, has to get through.
  makeWithParents(dirname(home), owner.uid === owner.root ? 0o700 : 0o711)
  makeDirectory(home)
}

function checkForeign({ home }: StoreLayout): void {
  // Another process may be making it at this moment, or was killed while it did.
  const isOurs = (name: string): boolean => ours.includes(name) || /^store\.json\.[0-9a-f]{12}$/.test(name)
  const foreign = readdirSync(home).filter((name) => !isOurs(name) && name !== 'lost+found')
  if (foreign.length === 0) return
  throw new AirplantError({
    code: 'ERR_STORE',
    phase: 'store',
    message: `Cannot make a store in "${home}": it has other files ("${foreign[0]}")`,
    hint: 'Set AIRPLANT_HOME to an empty directory, or to one that does not exist yet',
    detail: home,
  })
}

function checkHome({ home }: StoreLayout, owner: Owner): void {
  const stat = statSync(home)
  if (!stat.isDirectory()) throw damaged(home, 'it is not a directory')
  if (stat.uid !== owner.uid) {
    throw new AirplantError({
      code: 'ERR_STORE',
      phase: 'store',
      message: `Cannot use the store "${home}": it belongs to user ID ${stat.uid}`,
      hint: 'Set AIRPLANT_HOME to a directory of your own',
      detail: home,
    })
  }
}

// Whoever made it by hand did so with any umask. In it are set-user-ID programs, which nobody else may run (CVE-2021-41091).
function closeHome({ home }: StoreLayout, owner: Owner): void {
  if (owner.uid !== owner.root) checkWay(home, owner)
  else if ((statSync(home).mode & 0o077) !== 0) chmodSync(home, 0o700)
}

/** Real root's keeper is another account, which has to get to what it mounts and writes. */
function checkWay(home: string, owner: Owner): void {
  letThrough(home, owner)
  for (let above = dirname(home); above !== dirname(above); above = dirname(above)) {
    if (isPassable(statSync(above), owner)) continue
    throw new AirplantError({
      code: 'ERR_STORE',
      phase: 'store',
      message: `Cannot use the store "${home}": "${above}" is closed to user ID ${owner.root}, as whom root's containers run`,
      hint: `Run chmod o+x "${above}", or set AIRPLANT_HOME to a directory elsewhere`,
      detail: above,
    })
  }
}

function isPassable({ uid, gid, mode }: Stats, owner: Owner): boolean {
  const bit = uid === owner.root ? 0o100 : gid === owner.group ? 0o010 : 0o001
  return (mode & bit) !== 0
}

// Passable for the keeper's group and for nobody else, and writable for root only.
function letThrough(path: string, owner: Owner): void {
  const stat = lstatSync(path)
  if (stat.gid !== owner.group) chownSync(path, owner.uid, owner.group)
  if ((stat.mode & 0o7777) !== 0o710) chmodSync(path, 0o710)
}

function makeDirectories(layout: StoreLayout, owner: Owner): void {
  for (const path of [layout.oci, layout.blobs, join(layout.blobs, 'sha256'), layout.images]) {
    makeDirectory(path)
    checkOwner(path, owner.uid)
  }
  // The keeper finds its way in these, and Node writes.
  for (const path of [dirname(layout.layers), layout.layers, layout.volumes, layout.tmp]) {
    makeDirectory(path)
    checkOwner(path, owner.uid)
    if (owner.uid !== owner.root) letThrough(path, owner)
  }
  // The keeper writes in these.
  for (const path of [layout.containers, layout.locks, layout.uses]) {
    makeDirectory(path)
    if (owner.uid !== owner.root && lstatSync(path).uid === owner.uid) chownSync(path, owner.root, owner.group)
    checkOwner(path, owner.root)
  }
  writeMissing(join(layout.oci, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  writeMissing(layout.index, '{"schemaVersion":2,"manifests":[]}')
}

// The home may have been open to others once.
function checkOwner(path: string, uid: number): void {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) throw damaged(path, 'it is not a directory')
  if (stat.uid !== uid) throw damaged(path, `it belongs to user ID ${stat.uid}`)
}

function writeMissing(path: string, text: string): void {
  if (!statSync(path, { throwIfNoEntry: false })) writeNew(path, text)
}

// Nobody reads half of it, and of two who make a store at once the second one leaves in place what the first may have changed already.
function writeNew(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    // Not every file system has hard links.
    renameSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}
