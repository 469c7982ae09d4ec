import type { RunnerTestCase } from 'vitest'
import type { Container } from '../../../src/containers/container.ts'
import { endInWords } from '../../../src/fixtures/run/end-in-words.ts'
import { watchContainers } from '../../../src/fixtures/container-watch.ts'
import type { ContainerWatch } from '../../../src/fixtures/container-watch.ts'
import type { LogLines, RunLink } from '../../../src/fixtures/run/run-protocol.ts'
import type { RunEvent } from '../../../src/fixtures/run/run-report.ts'
import { SERVICE_LABEL } from '../../../src/fixtures/run/service-label.ts'
import type { FixtureOptions } from '../../../src/fixtures/fixture-options.ts'
import type { Wait } from '../../../src/fixtures/waits/wait.ts'
import { now } from '../../../src/rootless/clock.ts'
import { currentTest } from '../current-test.ts'
import { callerOf } from './caller-of.ts'
import { KeptContainers } from './kept-containers.ts'

/** A container that the file has opened, from the call on. */
interface Watched {
  readonly image: string
  /** The test that opened it, where that is known; else it is the file's. */
  readonly test: RunnerTestCase | undefined
  readonly call: Error
  readonly wait: Wait | undefined
  /** ms since 1970 */
  readonly began: number
  container: Container | undefined
  isReady: boolean
  isRemoved: boolean
  /** What it wrote, when it was removed before its test's result was known. */
  evidence: Promise<LogLines> | undefined
}

/** The containers that a test file opens, for its failures and for the summary. */
export class WatchedContainers {
  readonly kept: KeptContainers
  readonly #link: RunLink
  readonly #all = new Set<Watched>()
  readonly #events: RunEvent[] = []

  constructor(link: RunLink) {
    this.#link = link
    this.kept = new KeptContainers(link.keepOnFailure)
  }

  /** From now on, until another file does. */
  watch(): void {
    watchContainers((options) => this.#begin(options))
  }

  /** What happened, for the summary; what is there now is what the file has left. */
  takeEvents(): readonly RunEvent[] {
    for (const { container, isRemoved, image, test, call } of this.#all) {
      if (!container || isRemoved || container.exit || this.kept.has(container)) continue
      const owner = test?.fullName ?? 'the file'
      this.#events.push({ kind: 'leak', image, container: container.id, owner, opened: callerOf(call) })
    }
    this.#all.clear()
    return this.#link.isWatched ? this.#events.splice(0) : []
  }

  /** What the containers that concern a test wrote since then. Never rejects. */
  async evidence(test: RunnerTestCase, since: number, lines: number): Promise<LogLines[]> {
    const concerned = [...this.#all].filter((watched) => concerns(watched, test))
    const written = await Promise.allSettled(
      concerned.map(async (watched) => {
        const evidence = await (watched.evidence ?? evidenceOf(watched, since, lines))
        return { ...evidence, kept: await this.#keep(watched) }
      }),
    )
    return written.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  }

  /** One that is not ready is removed by its own start. */
  async #keep({ container, isReady, isRemoved }: Watched): Promise<string | undefined> {
    return container && isReady && !isRemoved ? await this.kept.want(container) : undefined
  }

  #begin(options: FixtureOptions): ContainerWatch | undefined {
    if (options.labels?.[SERVICE_LABEL] !== undefined) return undefined
    this.#forgetOld()
    const { image = 'host' } = options
    const watched: Watched = {
      image: typeof image === 'string' ? image : 'another image',
      ...{ test: currentTest(), call: new Error(), wait: options.wait, began: Date.now() },
      ...{ container: undefined, isReady: false, isRemoved: false, evidence: undefined },
    }
    this.#all.add(watched)
    const began = now()
    let [pull, start] = [0, 0]
    return {
      created: (container, imageWait) => {
        pull = imageWait
        start = now() - began - pull
        watched.container = container
        container.beforeRemoval(() => this.#look(watched, container))
      },
      ready: (container) => {
        watched.isReady = true
        const { id, image } = container
        const phases = { pull, start, wait: now() - began - pull - start }
        this.#events.push({ kind: 'boot', image, container: id, owner: watched.test?.fullName ?? 'the file', phases })
      },
      failed: () => {
        if (!watched.evidence) this.#all.delete(watched)
      },
    }
  }

  /** Before it is removed, while it can still be looked at. */
  async #look(watched: Watched, container: Container): Promise<void> {
    const { test, began } = watched
    // Only here nobody knows yet what comes of the test: it timed out, or disposed the container itself.
    const isOpen = test?.result?.state === 'run' && this.#link.logLines > 0
    if (isOpen) watched.evidence = evidenceOf(watched, began, this.#link.logLines)
    watched.isRemoved = true
    if (this.#link.isWatched && !container.exit) {
      const { peakMemory } = await import('../../../src/fixtures/run/peak-memory.ts')
      const { id, image, pid } = container
      this.#events.push({ kind: 'end', image, container: id, peakMemory: peakMemory(pid) })
    }
    await watched.evidence?.catch(() => undefined)
  }

  /** What was removed counts until the test that it was opened in has ended. */
  #forgetOld(): void {
    for (const watched of this.#all) {
      if (watched.isRemoved && watched.test?.result?.state !== 'run') this.#all.delete(watched)
    }
  }
}

/** Its own, and the file's; not those of tests that run at the same time. */
function concerns({ test: owner, isRemoved, evidence }: Watched, test: RunnerTestCase): boolean {
  if (owner === test) return !isRemoved || evidence !== undefined
  return !isRemoved && owner?.result?.state !== 'run'
}

async function evidenceOf(watched: Watched, since: number, lines: number): Promise<LogLines> {
  const { container, image, isReady } = watched
  const nothing = { name: '', image, lines: [], omitted: 0 }
  if (!container) return { ...nothing, container: '', ...(await notReady(watched, 'was still being created')) }
  const { exit, id } = container
  const state = exit ? { ended: endInWords(exit) } : isReady ? {} : await notReady(watched, 'was not ready')
  const { linesSince } = await import('../../../src/fixtures/run/log-lines.ts')
  return {
    ...nothing,
    ...(await linesSince(container.logEntries(false), exit ? 0 : since, lines)),
    container: id,
    ...state,
  }
}

/** A test that timed out meanwhile says itself only that it did. */
async function notReady({ began, container, wait }: Watched, what: string): Promise<Pick<LogLines, 'ended' | 'hint'>> {
  const { describeWait } = await import('../../../src/fixtures/waits/describe-wait.ts')
  const waiting = container && wait ? `, waiting for ${describeWait(wait)}` : ''
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  const hint = 'No time of a test is charged when useContainer() or beforeAll(…, 0) starts it'
  return { ended: `${what} after ${seconds} s${waiting}`, hint }
}
