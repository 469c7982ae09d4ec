import { TestRunner } from 'vitest'
import { workerFile } from './run/worker-run.ts'

/** Why tests that need containers are skipped on this machine; undefined when they are not. */
function reason(): string | undefined {
  return workerFile()?.link.unsupported?.message
}

/** Skips the test that is running, where containers cannot work and the plugin was told to skip. */
export function skipsHere(): void {
  const why = reason()
  if (why !== undefined) TestRunner.getCurrentTest()?.context.skip(why)
}

/** The same for all tests of the file that is being collected: its hooks would fail otherwise. */
export function skipsFile(): void {
  if (reason() !== undefined) TestRunner.getCurrentSuite().file.mode = 'skip'
}
