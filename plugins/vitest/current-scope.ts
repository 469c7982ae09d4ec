import type { RunnerTestCase, RunnerTestFile, RunnerTestSuite } from 'vitest'
import { afterAll, aroundAll, aroundEach, TestRunner } from 'vitest'
import { current, currentFile, owners } from './current-test.ts'
import type { Scope } from '../../src/fixtures/scope.ts'
import { newScope } from './scope.ts'

// Per module and not per file: vitest loads a module of node_modules once per worker, which may run many files.
const files = new WeakMap<RunnerTestFile, Scope>()
const suites = new WeakMap<RunnerTestSuite, Scope>()
const tests = new WeakMap<RunnerTestCase, Scope>()

/**
 * Makes a scope for the file that imports this now, and for each of its tests. Around hooks enclose all other hooks and fixtures, so
 * what these open is there until the last of them has ended, whatever `sequence.hooks` says; and what runs inside them knows its scope,
 * also where tests run at the same time.
 */
export function registerScopes(): void {
  const file = currentFile()
  const scope = newScope('file')
  files.set(file, scope)
  aroundAll(async (runSuite) => {
    try {
      await current.run(scope, runSuite)
    } finally {
      await scope.close()
    }
  })
  aroundEach(async (runTest, { signal, task }) => {
    const own = newScope('test', signal)
    tests.set(task, own)
    owners.set(own, task)
    try {
      await current.run(own, runTest)
    } finally {
      await own.close()
    }
  })
}

/** The scope of the test that is running, or else of the file. */
export function currentScope(): Scope {
  const own = current.getStore()
  if (own && own !== files.get(currentFile())) return own
  const test = TestRunner.getCurrentTest()
  // Of concurrent tests vitest does not know which one calls, when this file's tests were not enclosed.
  if (test && !test.concurrent && own === undefined) return tests.get(test) ?? scopeOfTest(test)
  return fileScope()
}

/** The scope of the file; within the beforeAll of a describe, one that is closed before when that hook fails. */
export function fileScope(): Scope {
  const file = currentFile()
  const scope = files.get(file) ?? scopeOfLaterFile(file)
  const suite = runningSuite(file)
  if (!suite || suite === file) return scope
  const known = suites.get(suite)
  if (known) return known
  const inner = scope.inner()
  suites.set(suite, inner)
  TestRunner.getSuiteHooks(suite).afterAll.push(async () => {
    // While its tests are not judged yet, only a hook can have failed a suite: by a timeout above all.
    if (suite.result?.state === 'fail') await inner.close()
  })
  return inner
}

/** A worker without isolation imports this once: of its later files only a call tells. */
function scopeOfLaterFile(file: RunnerTestFile): Scope {
  const scope = newScope('file')
  files.set(file, scope)
  const close = (): Promise<void> => scope.close()
  // Inside a hook, vitest silently ignores an afterAll.
  if (file.result === undefined) afterAll(close)
  else TestRunner.getSuiteHooks(file).afterAll.push(close)
  return scope
}

function scopeOfTest(test: RunnerTestCase): Scope {
  const scope = newScope('test', test.context.signal)
  tests.set(test, scope)
  test.context.onTestFinished(async () => {
    tests.delete(test)
    await scope.close()
  })
  return scope
}

/** The innermost suite that is running; undefined where several are. */
function runningSuite(suite: RunnerTestSuite): RunnerTestSuite | undefined {
  const running = suite.tasks.filter((task) => task.type === 'suite' && task.result?.state === 'run')
  const [first] = running
  if (first?.type !== 'suite') return suite
  return running.length === 1 ? runningSuite(first) : undefined
}
