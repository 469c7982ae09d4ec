import type { Writable } from 'node:stream'
import type { AttachedContainer } from '../containers/attached-container.ts'
import { isAirplantError } from '../errors.ts'
import type { CommandLine } from './command-line.ts'
import type { Command } from './command.ts'
import { withContainerOf } from './container-session.ts'
import { withoutErrorEvents, writeChunk } from './copy-output.ts'
import type { LineBounds, LogPiece } from './log-pieces.ts'
import { LineCutter, pieceText, withinBounds } from './log-pieces.ts'
import { parseUntil } from './read-filters.ts'
import { usageError } from './usage-error.ts'

/** `airplant logs`. */
export const logsCommand: Command = {
  name: 'logs',
  usage: '[FLAGS] CONTAINER',
  about: `Prints what a running container wrote: its output to the output, its errors to the errors. Kept is what "run --log-limit" or the option
logLimit says, 1 MiB if not given; when the beginning is missing that is said.`,
  flags: [
    { name: 'follow', short: 'f', help: 'Go on until it ends' },
    { name: 'tail', short: 'n', value: 'COUNT', help: 'Only so many lines from the end; "all" if not given' },
    {
      name: 'since',
      value: 'TIME',
      help: 'Only lines from then on: 10m or 1h30m ago, or a date as 2026-01-31T12:00:00Z',
    },
    { name: 'until', value: 'TIME', help: 'Only lines until then' },
    { name: 'timestamps', short: 't', help: 'Begin each line with its time' },
    { name: 'details', refused: { why: 'there are none', instead: 'See "airplant inspect"' } },
  ],
  words: [1, 1],
  examples: ['airplant logs -f --tail 20 db'],
  async run(line) {
    const bounds = boundsOf(line, Date.now())
    const print = new LogPrinter(line.isOn('timestamps'))
    await withContainerOf(line.words[0]!, async (container) => {
      if (line.isOn('follow')) await follow(container, bounds, print)
      else await printPast(container, bounds, print)
    })
    return 0
  },
}

function boundsOf(line: CommandLine, now: number): LineBounds {
  const time = (name: string): number | undefined => {
    const text = line.value(name)
    return text === undefined ? undefined : parseUntil(text, now).getTime()
  }
  const tail = line.value('tail') ?? 'all'
  // As for docker a negative number is all of them.
  if (!/^(-?\d{1,9}|all)$/.test(tail)) throw usageError(`Cannot use "${tail}" as --tail`, 'Give a number, or "all"')
  const count = tail === 'all' || tail.startsWith('-') ? Infinity : Number(tail)
  return { tail: count, since: time('since') ?? -Infinity, until: time('until') ?? Infinity }
}

/** Prints what there is; gives how many bytes of output that were, with those that fell out of the log. */
async function printPast(
  container: AttachedContainer,
  bounds: LineBounds,
  print: LogPrinter,
  cutter = new LineCutter(),
): Promise<number> {
  const pieces: LogPiece[] = []
  let position = 0
  for await (const entry of container.logEntries(false)) {
    if ('dropped' in entry) {
      position += entry.dropped
      if (bounds.tail === Infinity && bounds.since === -Infinity) sayDropped(entry.dropped)
    } else {
      position += entry.data.length
      pieces.push(...cutter.cut(entry))
    }
  }
  for (const piece of withinBounds(pieces, bounds)) if (!(await print.piece(piece))) break
  return position
}

/** First what there is, then what comes: the subscription has both, so what was printed is passed over. */
async function follow(container: AttachedContainer, bounds: LineBounds, print: LogPrinter): Promise<void> {
  const cutter = new LineCutter()
  let printed = await printPast(container, bounds, print, cutter)
  const entries = container.logEntries(true)
  try {
    for await (const entry of entries) {
      const size = 'dropped' in entry ? entry.dropped : entry.data.length
      const known = Math.min(printed, size)
      printed -= known
      if ('dropped' in entry) {
        if (size > known) sayDropped(size - known)
        continue
      }
      const pieces = cutter.cut({ ...entry, data: entry.data.subarray(known) })
      for (const piece of pieces) {
        if (piece.time > bounds.until || !(await print.piece(piece))) return
      }
    }
  } catch (error) {
    // Its session ends with it.
    if (!isAirplantError(error) || error.code !== 'ERR_KEEPER_GONE') throw error
  }
}

function sayDropped(bytes: number): void {
  process.stderr.write(
    `airplant: ${bytes} bytes are missing here, the log was full; start it with a larger log limit\n`,
  )
}

/** Writes pieces to this process's two outputs, no faster than they are read. */
class LogPrinter {
  readonly #timestamps: boolean
  readonly #outputs = new Map<string, Writable>()

  constructor(timestamps: boolean) {
    this.#timestamps = timestamps
  }

  /** False when nobody reads that output any more. */
  async piece(piece: LogPiece): Promise<boolean> {
    const { stream } = piece
    const output = this.#outputs.get(stream) ?? withoutErrorEvents(process[stream])
    this.#outputs.set(stream, output)
    return await writeChunk(output, pieceText(piece, this.#timestamps))
  }
}
