import { withContainer } from '../src/index.ts'
import type { Section } from './samples.ts'
import { row, time } from './samples.ts'

/** Commands in a container that runs already. */
export async function measureExec(): Promise<Section> {
  const samples = await withContainer({ command: ['sleep', '600'] }, (container) =>
    time(200, 30, () => container.exec(['/bin/true'])),
  )
  return {
    title: 'exec of /bin/true in a running container, its output read',
    rows: [row('exec', samples)],
    notes: ['target: at most 1.5 ms'],
  }
}
