import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'

/** A vitest that runs, or has ended. Disposing kills it. */
export interface RunningVitest extends AsyncDisposable {
  readonly pid: number
  /** What it wrote so far, on both outputs. */
  output(): string
  /** Until it has written something, so many times. */
  until(text: string, times?: number): Promise<void>
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>
}

/** Collects what a vitest writes. */
export function followVitest(child: ChildProcess): RunningVitest {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    pid: child.pid ?? 0,
    output: () => output,
    async until(text, times = 1) {
      const seen = (): number => output.split(text).length - 1
      const isOver = (): boolean => seen() >= times || child.exitCode !== null
      await expect
        .poll(isOver, { timeout: 30_000, interval: 20 })
        .toBe(true)
        .catch(() => undefined)
      if (seen() < times) throw new Error(`"${text}" came ${seen()} times:\n${output}`)
    },
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
