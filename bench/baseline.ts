import { spawnOnly } from './run-command.ts'
import type { Section } from './samples.ts'
import { row, time } from './samples.ts'

/** What this machine needs for a process at all, so that the other figures can be read on any machine. */
export async function measureBaseline(): Promise<Section> {
  return {
    title: 'Baseline: a process spawned from Node, no isolation',
    rows: [
      row('/bin/true', await time(100, 20, () => spawnOnly(['/bin/true']))),
      row('sh -c true', await time(100, 5, () => spawnOnly(['sh', '-c', 'true']))),
      row('node -e 0', await time(10, 1, () => spawnOnly([process.execPath, '-e', '0']))),
    ],
  }
}
