import { fileContainer } from '../../../src/fixtures/file-container.ts'
import type { FixtureOptions } from '../../../src/fixtures/fixture-options.ts'
import type { Fixture } from '../../../src/fixtures/fixture.ts'
import type { LateHandle } from '../../../src/fixtures/late-handle.ts'
import { Scope } from '../../../src/fixtures/scope.ts'
import type { JestHooks, UseContainerOptions } from '../jest-runtime.ts'
import type { FileRun } from './file-run.ts'

/** For jest 0 is its default of five seconds, and more than this is nothing at all. */
export const NO_TIMEOUT = 0x7fffffff

/** @see useContainer of airplant/jest */
export function useContainer(
  file: FileRun,
  hooks: JestHooks,
  source: FixtureOptions,
  { reset }: UseContainerOptions = {},
): LateHandle<Fixture> {
  const scope = new Scope('file')
  return fileContainer<Fixture>({
    hooks: {
      beforeAll: (run) => hooks.beforeAll(run, NO_TIMEOUT),
      beforeEach: (run) => hooks.beforeEach(run, NO_TIMEOUT),
      afterAll: (run) => hooks.afterAll(run, NO_TIMEOUT),
    },
    isCollecting: file.isCollecting,
    start: async () => {
      file.checkSupported()
      return await scope.open(source)
    },
    close: () => scope.close(),
    reset,
  })
}
