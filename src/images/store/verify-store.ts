import { keptBy } from './collect-garbage.ts'
import type { ImageStore } from './image-store.ts'

/** Something of the store that is not as it should be. */
export interface StoreFault {
  /** Digest of a blob. */
  readonly digest: string
  readonly problem: 'missing' | 'changed'
}

/** Reads all blobs again, and looks for those that images need. */
export async function verifyStore(store: ImageStore): Promise<readonly StoreFault[]> {
  const faults: StoreFault[] = []
  const there = new Set<string>()
  for (const { digest } of store.blobs.list()) {
    there.add(digest)
    if (!(await store.blobs.check(digest))) faults.push({ digest, problem: 'changed' })
  }
  for (const digest of keptBy(store, store.index.read()).blobs) {
    if (!there.has(digest)) faults.push({ digest, problem: 'missing' })
  }
  return faults
}
