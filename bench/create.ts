import { withContainer } from '../src/index.ts'
import type { Section } from './samples.ts'
import { row } from './samples.ts'

const COUNT = 200
const WARM_UP = 40

/** A container's whole life from Node, with all isolation on. */
export async function measureCreate(): Promise<Section> {
  const phases = { started: [] as number[], ended: [] as number[], removed: [] as number[], total: [] as number[] }
  for (let index = -WARM_UP; index < COUNT; index++) {
    const called = performance.now()
    const container = await withContainer({ command: ['/bin/true'] })
    const started = performance.now()
    await container.wait()
    const ended = performance.now()
    await container[Symbol.asyncDispose]()
    const removed = performance.now()
    if (index < 0) continue
    phases.started.push(started - called)
    phases.ended.push(ended - started)
    phases.removed.push(removed - ended)
    phases.total.push(removed - called)
  }
  return {
    title: 'A container on the host image: create, run /bin/true, remove',
    rows: [
      row('call to executed', phases.started),
      row('executed to exited', phases.ended),
      row('exited to removed', phases.removed),
      row('all', phases.total),
    ],
    notes: ['target: all at most 4 ms'],
  }
}
