import { setTimer } from '../../rootless/clock.ts'

/** Queries in one turn: about a millisecond's work. */
const QUERIES_PER_TURN = 32

/** Milliseconds between turns, in which Node does what it is there for. */
const PAUSE = 1

/**
 * Shares out the work of a name server, so that a flood of queries from a container leaves the test run at least half of Node's
 * time, and other containers their share of the rest.
 */
export class Turns {
  #left = QUERIES_PER_TURN
  readonly #waiting: (() => void)[] = []

  /** Whether one more query may be answered in this turn. */
  take(): boolean {
    if (this.#left === 0) return false
    if (this.#left === QUERIES_PER_TURN) setTimer(() => this.#next(), PAUSE).unref()
    this.#left--
    return true
  }

  /** Runs something in one of the next turns, after those that came before. */
  wait(run: () => void): void {
    this.#waiting.push(run)
  }

  #next(): void {
    this.#left = QUERIES_PER_TURN
    const waiting = this.#waiting.splice(0)
    for (const run of waiting) run()
  }
}
