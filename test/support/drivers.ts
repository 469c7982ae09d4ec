import { execFileSync } from 'node:child_process'
import type { StorageDriver } from '../../src/index.ts'

/** Why a test with a storage driver cannot run here; undefined when it can. */
export function missingDriver(driver: StorageDriver): string | undefined {
  if (driver !== 'fuse-overlayfs') return undefined
  try {
    execFileSync('sh', ['-c', 'command -v fuse-overlayfs && test -w /dev/fuse'])
    return undefined
  } catch {
    return 'needs fuse-overlayfs and /dev/fuse'
  }
}

/** All storage drivers, with why they cannot be tried. */
export const drivers = (['overlay', 'fuse-overlayfs', 'copy'] as const).map((storage) => ({
  storage,
  missing: missingDriver(storage),
}))
