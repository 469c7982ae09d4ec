import type { Container } from '../../../src/containers/container.ts'
import { AirplantError } from '../../../src/errors.ts'
import type { FixtureOptions } from '../../../src/fixtures/fixture-options.ts'
import type { Fixture } from '../../../src/fixtures/fixture.ts'
import type { LateHandle } from '../../../src/fixtures/late-handle.ts'
import { lateHandle } from '../../../src/fixtures/late-handle.ts'
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
  if (!file.isCollecting) throw wrongPlace()
  let starting: Promise<Fixture> | undefined
  let container: Fixture | undefined
  let isFresh = true
  const scope = new Scope('file')
  const open = async (): Promise<Fixture> => {
    file.checkSupported()
    starting ??= scope.open(source)
    container = await starting
    return container
  }
  hooks.beforeAll(async () => {
    await open()
  }, NO_TIMEOUT)
  if (reset !== undefined) {
    hooks.beforeEach(async () => {
      if (container && !isFresh) await resetBy(reset, container)
      isFresh = false
    }, NO_TIMEOUT)
  }
  hooks.afterAll(() => scope.close(), NO_TIMEOUT)
  const hint = 'Use it in a test, or in a hook that is registered after it'
  return lateHandle('the container of useContainer()', hint, () => container, open)
}

async function resetBy(reset: NonNullable<UseContainerOptions['reset']>, container: Fixture): Promise<void> {
  const { reset: own } = container as Container & { reset?: () => Promise<void> }
  if (reset !== true) await reset(container)
  else if (own) await own.call(container)
  else throw noReset(container)
}

function noReset(container: Container): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'exec',
    message: `Cannot reset container ${container.id} of ${container.image}: nothing is known of how to`,
    hint: 'Use a preset that has a reset, or give a function: { reset: async (container) => … }',
    container: container.id,
    image: container.image,
  })
}

function wrongPlace(): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'create',
    message: 'Cannot register hooks for a container: a test or hook is running',
    hint: 'Call useContainer() at the top of the file or in a describe; in a test or hook call withContainer()',
  })
}
