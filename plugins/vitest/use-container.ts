import { afterAll, beforeAll, beforeEach } from 'vitest'
import { fileContainer } from '../../src/fixtures/file-container.ts'
import type { TypedFixtureOptions } from '../../src/fixtures/fixture-options.ts'
import type { Fixture, FixtureSnapshot } from '../../src/fixtures/fixture.ts'
import type { PortsOption } from '../../src/fixtures/ports-of.ts'
import type { PresetData } from '../../src/fixtures/presets/preset-data.ts'
import { optionsOf } from '../../src/fixtures/with-container.ts'
import { isCollecting } from './current-test.ts'
import type { LateHandle } from '../../src/fixtures/late-handle.ts'
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
  type Started = Fixture<Ports, Preset>
  const scope = newScope('file')
  return fileContainer<Started>({
    hooks: {
      beforeAll: (run) => beforeAll(run, 0),
      beforeEach: (run) => beforeEach(run, 0),
      afterAll: (run) => afterAll(run, 0),
    },
    isCollecting: isCollecting(),
    start: () => scope.open(optionsOf(spec)) as Promise<unknown> as Promise<Started>,
    close: () => scope.close(),
    reset,
  })
}
