import { AsyncLocalStorage } from 'node:async_hooks'
import type { RunnerTestCase, RunnerTestFile } from 'vitest'
import { TestRunner } from 'vitest'
import type { Scope } from '../../src/fixtures/scope.ts'

// Per module and not per file: vitest loads a module of node_modules once per worker, which may run many files.
/** The scope in which something runs. */
export const current = new AsyncLocalStorage<Scope>()

/** The tests of scopes that are a test's. */
export const owners = new WeakMap<Scope, RunnerTestCase>()

/** The test that is running here; undefined in hooks of files, and where vitest does not know which of several it is. */
export function currentTest(): RunnerTestCase | undefined {
  const own = current.getStore()
  const test = own && owners.get(own)
  if (test) return test
  const running = TestRunner.getCurrentTest()
  return running?.concurrent ? undefined : running
}

/** Whether the file's tests and hooks are being registered, and none of them runs yet. */
export function isCollecting(): boolean {
  return currentFile().result === undefined
}

/** The file that is being collected or run. */
export function currentFile(): RunnerTestFile {
  return TestRunner.getCurrentSuite().file
}
