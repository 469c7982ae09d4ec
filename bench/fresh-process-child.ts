/** Milliseconds since this process began. */
export interface Milestones {
  readonly running: number
  readonly imported: number
  readonly session: number
  readonly container: number
}

const running = performance.now()
const { Session, withContainer } = await import('../src/index.ts')
const imported = performance.now()
const own = await Session.start()
const session = performance.now()
await withContainer({ command: ['/bin/true'], session: own }, (container) => container.wait())
const container = performance.now()
process.stdout.write(JSON.stringify({ running, imported, session, container } satisfies Milestones))
