import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'

/** Runs it with AIRPLANT_HOME in a new directory, which is removed afterwards. */
export async function withTemporaryStore<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-bench-'))
  const before = process.env.AIRPLANT_HOME
  process.env.AIRPLANT_HOME = join(directory, 'store')
  try {
    return await run(directory)
  } finally {
    if (before === undefined) delete process.env.AIRPLANT_HOME
    else process.env.AIRPLANT_HOME = before
    await removeTree(directory)
  }
}

/** Files of subordinate IDs are not ours to delete from outside. */
export async function removeTree(directory: string): Promise<void> {
  await runCommand(['unshare', '--map-root-user', '--map-auto', 'rm', '-rf', directory])
  rmSync(directory, { recursive: true, force: true })
}
