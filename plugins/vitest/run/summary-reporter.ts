import type { Reporter } from 'vitest/node'
import { currentRun } from '../../../src/fixtures/run/run-registry.ts'

/** Tells at the end of a run what its containers needed; on stderr, where it spoils no report of another reporter. */
export class SummaryReporter implements Reporter {
  readonly #wanted: boolean | 'verbose' | undefined

  constructor(wanted: boolean | 'verbose' | undefined) {
    this.#wanted = wanted
  }

  async onTestRunEnd(): Promise<void> {
    const host = await currentRun()
    if (!host || this.#wanted === false) return
    await host.measure()
    const { formatSummary } = await import('../../../src/fixtures/run/format-summary.ts')
    const lines = formatSummary(host.report.take(), this.#wanted)
    if (lines.length > 0) process.stderr.write(`${lines.map((line) => ` airplant: ${line}`).join('\n')}\n`)
  }
}
