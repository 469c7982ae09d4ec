import type { RunnerTestCase } from 'vitest'
import { recordArtifact } from 'vitest'
import { formatEvidence } from '../../../src/fixtures/run/format-evidence.ts'
import type { LogLines } from '../../../src/fixtures/run/run-protocol.ts'
import type { WorkerFile } from './worker-run.ts'

/** What the containers of a failing test wrote during it, for reporters that show more than messages. */
export interface ContainerLogsArtifact {
  readonly type: 'airplant:container-logs'
  readonly containers: readonly LogLines[]
}

/** Adds to a failing test's error what its containers wrote since then: annotations are not taken any more at that time. */
export async function tellLogs(test: RunnerTestCase, file: WorkerFile, since: number): Promise<void> {
  const containers = await file.evidence(test, since)
  if (containers.length === 0) return
  const errors = test.result?.errors ?? []
  // Of several tries the last is the one that just failed.
  const error = (test.result?.retryCount ?? 0) > 0 ? errors.at(-1) : errors[0]
  const text = formatEvidence(containers)
  if (error) {
    const before = error.message
    error.message = `${before}\n\n${text}\n`
    if (error.stack?.includes(before)) error.stack = error.stack.replace(before, () => error.message)
  }
  const artifact: ContainerLogsArtifact = { type: 'airplant:container-logs', containers }
  // Its types know only what is registered with them, which would be a promise to all who import this.
  await recordArtifact(test, artifact as never).catch(() => undefined)
}
