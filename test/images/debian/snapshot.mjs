// What changed in a root file system between two moments, without a file system that would know (overlayfs, Btrfs).
import { lstatSync, readdirSync } from 'node:fs'

/** Paths below `root`, each with what tells a later change of it. Paths are bytes, here as latin1 strings. */
export function takeSnapshot(root) {
  const entries = new Map()
  visit(Buffer.from(`${root}/`), '', entries)
  return entries
}

/** `{ changed, removed }`: paths to write, parents first, and those to white out. */
export function compareSnapshots(before, after) {
  const changed = [...after.keys()].filter((path) => before.get(path)?.state !== after.get(path).state)
  const removed = [...before.keys()].filter((path) => {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    // A directory that says itself that it is new needs no word for each of its former files.
    if (after.has(path) || after.has(`${parent}/.wh..wh..opq`)) return false
    return parent === '' || after.get(parent)?.isDirectory
  })
  return { changed, removed }
}

function visit(root, folder, entries) {
  for (const name of readdirSync(Buffer.concat([root, Buffer.from(folder, 'latin1')]), 'buffer').sort(Buffer.compare)) {
    const path = folder === '' ? name.toString('latin1') : `${folder}/${name.toString('latin1')}`
    const stat = lstatSync(Buffer.concat([root, Buffer.from(path, 'latin1')]), { bigint: true })
    // Nothing can change a file without changing its ctime.
    entries.set(path, { state: `${stat.ino} ${stat.ctimeNs}`, isDirectory: stat.isDirectory() })
    if (stat.isDirectory()) visit(root, path, entries)
  }
}
