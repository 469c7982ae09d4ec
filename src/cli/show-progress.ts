import type { LayerState, ProgressEvent } from '../images/progress.ts'
import { now } from '../rootless/clock.ts'
import { humanDuration, humanSize } from './human.ts'

interface LayerLine {
  state: LayerState
  done: number
  total: number
  /** When its state began, and how much was done then: what the rate is counted from. */
  since: number
  from: number
}

/** Where progress is shown, as process.stderr. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns' | 'rows'>

const WIDTH = 20
const INTERVAL = 100

const words: Readonly<Record<LayerState, string>> = {
  waiting: 'Waiting',
  downloading: 'Downloading',
  unpacking: 'Extracting',
  uploading: 'Pushing',
  done: 'Complete',
  exists: 'Already exists',
}

/**
 * Shows what a pull or push is doing: a line per layer with rate and time left on a terminal, a plain line per image elsewhere.
 *
 * @param stream where to, normally stderr: stdout is for results
 */
export class ProgressDisplay {
  readonly #stream: ProgressStream
  readonly #isLive: boolean
  readonly #layers = new Map<string, LayerLine>()
  /** What was said of failures, and until when it holds. */
  readonly #retries = new Map<string, number>()
  #drawn = 0
  #last = -Infinity

  constructor(stream: ProgressStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream
    this.#isLive = stream.isTTY && !env['CI'] && env['TERM'] !== 'dumb'
  }

  /** Takes an event; an arrow function, to be passed as `onProgress`. */
  readonly show = (event: ProgressEvent): void => {
    if (event.kind === 'layer') this.#update(event)
    else if (event.kind === 'retry') this.#sayRetry(event)
    else if (event.kind === 'done') this.#finish(event)
    else if (this.#isLive) this.#say(`${event.reference}: asking the registry`)
  }

  #update({ digest, state, done, total }: Extract<ProgressEvent, { kind: 'layer' }>): void {
    const known = this.#layers.get(digest)
    if (known?.state === state) Object.assign(known, { done, total })
    else this.#layers.set(digest, { state, done, total, since: now(), from: done })
    if (!this.#isLive) return
    const isNews = known?.state !== state
    if (!isNews && now() - this.#last < INTERVAL) return
    this.#draw()
  }

  /** Layers on their way at once fail at once: one line is enough for all of them. */
  #sayRetry({ reference, reason, delay }: Extract<ProgressEvent, { kind: 'retry' }>): void {
    const what = `${reference}: ${reason}`
    if ((this.#retries.get(what) ?? -Infinity) > now()) return
    this.#retries.set(what, now() + delay)
    this.#say(`${what}; trying again in ${humanDuration(delay)}`)
  }

  #finish({ reference, digest, changed, bytes, elapsed }: Extract<ProgressEvent, { kind: 'done' }>): void {
    if (this.#isLive) this.#draw()
    this.#drawn = 0
    this.#layers.clear()
    const what = changed ? `${humanSize(bytes)} in ${(elapsed / 1000).toFixed(1)}s` : 'up to date'
    this.#say(`${reference}: ${what} (${digest})`)
  }

  /** A line that stays, above those of the layers. */
  #say(line: string): void {
    this.#stream.write(`${this.#erasure()}${line}\n`)
    if (this.#isLive && this.#layers.size > 0) this.#draw()
  }

  /** What erases the lines of the layers; written together with what comes in their place, so that nothing flickers. */
  #erasure(): string {
    const sequence = this.#drawn > 0 ? `\x1b[${this.#drawn}A\x1b[J` : ''
    this.#drawn = 0
    return sequence
  }

  #draw(): void {
    this.#last = now()
    const columns = this.#stream.columns || 80
    // More than the screen holds could not be drawn over.
    const lines = [...this.#layers].slice(-Math.max(1, (this.#stream.rows || 24) - 2))
    const text = lines.map(([digest, layer]) => `${lineOf(digest, layer, this.#last).slice(0, columns - 1)}\n`).join('')
    this.#stream.write(this.#erasure() + text)
    this.#drawn = lines.length
  }
}

function lineOf(digest: string, layer: LayerLine, time: number): string {
  const id = digest.slice(digest.indexOf(':') + 1, digest.indexOf(':') + 13)
  const { state, done, total } = layer
  const head = `${id}: ${words[state]}`
  if (state !== 'downloading' && state !== 'unpacking' && state !== 'uploading') return head
  const share = total > 0 ? Math.min(1, done / total) : 0
  const bar = '='.repeat(Math.round(share * WIDTH)).padEnd(WIDTH)
  return `${head.padEnd(26)} [${bar}] ${humanSize(done)}/${humanSize(total)}${rateOf(layer, time)}`
}

function rateOf({ done, total, since, from }: LayerLine, time: number): string {
  const elapsed = time - since
  if (elapsed < 500 || done <= from) return ''
  const rate = (done - from) / elapsed
  return `  ${humanSize(rate * 1000)}/s  ${humanDuration((total - done) / rate)}`
}
