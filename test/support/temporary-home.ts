import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { defaultSession } from '../../src/rootless/default-session.ts'
import { removeByKeeper } from '../../src/rootless/host-files.ts'
import { tinyArchive } from './cli-store.ts'

/** A directory and a store of its own for a test file. */
export interface TemporaryHome {
  readonly directory: string
  /** A small image with a shell in it. */
  readonly image: { readonly tar: string }
}

/** Makes such a place, called at the top of a file and before `checkLeftovers()`; it is removed at the end. */
export function temporaryHome(): TemporaryHome {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  // Real root's keeper is another user.
  chmodSync(directory, 0o755)
  const outer = process.env['AIRPLANT_HOME']
  process.env['AIRPLANT_HOME'] = join(directory, 'store')
  const tar = join(directory, 'tiny.tar')
  writeFileSync(tar, tinyArchive())
  // Hooks run from the last to the first: the session that checkLeftovers() ends is still there.
  afterAll(async () => {
    await removeByKeeper(await defaultSession(), join(directory, 'store'))
    if (outer === undefined) delete process.env['AIRPLANT_HOME']
    else process.env['AIRPLANT_HOME'] = outer
    rmSync(directory, { recursive: true })
  })
  return { directory, image: { tar } }
}
