/** Milliseconds since this process began. */
export interface Milestones {
  readonly running: number
  readonly imported: number
  readonly started: number
  readonly removed: number
}

const running = performance.now()
const { withContainer } = await import('../src/index.ts')
const imported = performance.now()
const container = await withContainer({ command: ['/bin/true'] })
const started = performance.now()
await container.wait()
await container[Symbol.asyncDispose]()
const removed = performance.now()
process.stdout.write(JSON.stringify({ running, imported, started, removed } satisfies Milestones))
