import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join } from 'node:path'

const MOST_BYTES = 1024 ** 2
// Components and links that one look-up may take.
const MOST_STEPS = 256
const OPAQUE = '.wh..wh..opq'

/**
 * The text of a regular file as an overlay of these directories (top first) would show it: whiteouts hide what is below, links are
 * followed inside the root only. Undefined when there is none, or it has more than 1 MiB. Opaque directories that only an extended
 * attribute marks are not known as such, Node cannot read those: where nothing above has the file, that of a lower layer is given.
 */
export function readLayeredFile(lowers: readonly string[], path: string): string | undefined {
  try {
    const found = locate(lowers, path)
    return found === undefined ? undefined : readText(found)
  } catch {
    return undefined
  }
}

function locate(lowers: readonly string[], path: string): string | undefined {
  let waiting = partsOf(path)
  let passed: string[] = []
  let stack = lowers
  for (let step = 0; step < MOST_STEPS; step++) {
    const part = waiting.shift()
    if (part === undefined) return undefined
    const from = (parts: string[]): void => {
      waiting = [...parts, ...waiting]
      ;[passed, stack] = [[], lowers]
    }
    if (part === '..') {
      from(passed.slice(0, -1))
      continue
    }
    const found = findIn(stack, part)
    if (!found || isWhiteout(found.stat)) return undefined
    if (found.stat.isSymbolicLink()) {
      const target = readlinkSync(found.path)
      from([...(target.startsWith('/') ? [] : passed), ...partsOf(target)])
    } else if (found.stat.isDirectory()) {
      passed.push(part)
      stack = merged(stack, part)
    } else {
      return waiting.length === 0 ? found.path : undefined
    }
  }
  return undefined
}

function findIn(stack: readonly string[], name: string): { path: string; stat: Stats } | undefined {
  for (const directory of stack) {
    const path = join(directory, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat) return { path, stat }
  }
  return undefined
}

/** The directories of that name, down to the first that hides what is below it. */
function merged(stack: readonly string[], name: string): string[] {
  const directories: string[] = []
  for (const directory of stack) {
    const path = join(directory, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (!stat) continue
    if (!stat.isDirectory()) break
    directories.push(path)
    if (lstatSync(join(path, OPAQUE), { throwIfNoEntry: false })) break
  }
  return directories
}

function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

function readText(path: string): string | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(fd)
    return stat.isFile() && stat.size <= MOST_BYTES ? readFileSync(fd, 'utf8') : undefined
  } finally {
    closeSync(fd)
  }
}
