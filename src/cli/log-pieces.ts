import type { LogEntry } from '../rootless/keeper-client.ts'

/** A line of a log, or a part of one that was not written at once. */
export interface LogPiece {
  readonly stream: 'stdout' | 'stderr'
  /** With the line end, if it has one. */
  readonly data: Buffer
  /** Counts lines of both streams in the order in which they began. */
  readonly line: number
  /** When the line began, in ms since 1970. */
  readonly time: number
  readonly isStart: boolean
}

interface OpenLine {
  readonly line: number
  readonly time: number
}

const LINE_END = 0x0a

/**
 * Cuts a log into lines.
 *
 * @example
 * const cutter = new LineCutter()
 * cutter.cut({ stream: 'stdout', time: 0, data: Buffer.from('one\ntwo') }) // two pieces
 */
export class LineCutter {
  readonly #open: { stdout?: OpenLine | undefined; stderr?: OpenLine | undefined } = {}
  #lines = 0

  cut({ stream, time, data }: Exclude<LogEntry, { dropped: number }>): LogPiece[] {
    const pieces: LogPiece[] = []
    for (let at = 0; at < data.length;) {
      const end = data.indexOf(LINE_END, at)
      const next = end < 0 ? data.length : end + 1
      const known = this.#open[stream]
      const line = known ?? { line: this.#lines++, time }
      pieces.push({ stream, data: data.subarray(at, next), ...line, isStart: !known })
      this.#open[stream] = end < 0 ? line : undefined
      at = next
    }
    return pieces
  }
}

/** Which lines are wanted. */
export interface LineBounds {
  /** The last so many; Infinity for all. */
  readonly tail: number
  /** Not before, and not after, in ms since 1970. */
  readonly since: number
  readonly until: number
}

/** What fits the bounds. */
export function withinBounds(pieces: readonly LogPiece[], { tail, since, until }: LineBounds): LogPiece[] {
  const timely = pieces.filter(({ time }) => time >= since && time <= until)
  if (tail === Infinity) return timely
  const lines = [...new Set(timely.map(({ line }) => line))].sort((one, other) => one - other)
  const last = new Set(tail === 0 ? [] : lines.slice(-tail))
  return timely.filter(({ line }) => last.has(line))
}

/** What is printed of it. */
export function pieceText({ data, time, isStart }: LogPiece, timestamps: boolean): Buffer {
  return timestamps && isStart ? Buffer.concat([Buffer.from(`${new Date(time).toISOString()} `), data]) : data
}
