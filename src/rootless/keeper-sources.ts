import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Name of the keeper's program file, wherever it lies. */
export const KEEPER_NAME = 'airplant-keeper'

/** Compiler flags for the keeper; scripts/build-keeper.mjs adds -Werror. */
export const KEEPER_FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Wshadow', '-Wformat=2']

/** What the keeper is compiled from. */
export interface KeeperSources {
  /** Paths of the C files, sorted. */
  readonly units: readonly string[]
  /** Hash of every file that takes part and of the flags, 16 hexadecimal digits. */
  readonly hash: string
}

/** Reads the C sources in a directory; undefined when there are none. */
export function readKeeperSources(directory: string): KeeperSources | undefined {
  const names = listNames(directory).filter((name) => /\.(c|h|def)$/.test(name))
  const units = names.filter((name) => name.endsWith('.c')).map((name) => join(directory, name))
  if (units.length === 0) return undefined
  const hash = createHash('sha256').update(KEEPER_FLAGS.join(' '))
  for (const name of names) hash.update(`\0${name}\0`).update(readFileSync(join(directory, name)))
  return { units, hash: hash.digest('hex').slice(0, 16) }
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}
