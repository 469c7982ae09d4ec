import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { Container } from '../../src/containers/container.ts'
import { AirplantError } from '../../src/errors.ts'
import type { TypedFixtureOptions } from '../../src/fixtures/fixture-options.ts'
import type { Fixture, FixtureSnapshot } from '../../src/fixtures/fixture.ts'
import type { PortsOption } from '../../src/fixtures/ports-of.ts'
import type { PresetData } from '../../src/fixtures/presets/preset-data.ts'
import { optionsOf } from '../../src/fixtures/with-container.ts'
import { isCollecting } from './current-test.ts'
import type { LateHandle } from '../../src/fixtures/late-handle.ts'
import { lateHandle } from '../../src/fixtures/late-handle.ts'
import { newScope } from './scope.ts'

/** How {@link useContainer} goes on between tests. */
export interface UseContainerOptions<Started = Fixture> {
  /**
   * Before each test but the first: the preset's own reset, or a function that makes the service as it was.
   *
   * @default nothing
   */
  readonly reset?: true | ((container: Started) => void | Promise<void>)
}

/**
 * Starts a container for the file, or for the `describe` that it is called in, and gives its handle, which is valid once hooks have run.
 * The start has a deadline of its own (`startTimeout`) and none of vitest's.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` in a test or hook, where `withContainer` is the one to call; using it too early
 * @example
 * const redis = useContainer({ image: 'redis:7', ports: [6379], wait: { port: 6379 } })
 * test('counts', async () => {
 *   const client = connect(redis.url(6379, 'redis'))
 * })
 */
export function useContainer<const Ports extends PortsOption = readonly [], const Preset extends PresetData = never>(
  spec: TypedFixtureOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
  { reset }: UseContainerOptions<Fixture<Ports, Preset>> = {},
): LateHandle<Fixture<Ports, Preset>> {
  if (!isCollecting()) throw wrongPlace()
  type Started = Fixture<Ports, Preset>
  let starting: Promise<Started> | undefined
  let container: Started | undefined
  let isFresh = true
  const scope = newScope('file')
  const open = async (): Promise<Started> => {
    starting ??= scope.open(optionsOf(spec)) as Promise<unknown> as Promise<Started>
    container = await starting
    return container
  }
  beforeAll(async () => {
    await open()
  }, 0)
  if (reset !== undefined) {
    beforeEach(async () => {
      if (container && !isFresh) await resetBy(reset, container)
      isFresh = false
    }, 0)
  }
  afterAll(() => scope.close(), 0)
  const hint = 'Use it in a test, or in a hook that is registered after it'
  return lateHandle('the container of useContainer()', hint, () => container, open)
}

async function resetBy<Started extends Container>(
  reset: NonNullable<UseContainerOptions<Started>['reset']>,
  container: Started,
): Promise<void> {
  const { reset: own } = container as Started & { reset?: () => Promise<void> }
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
