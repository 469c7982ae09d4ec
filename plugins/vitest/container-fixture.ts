import type { TypedFixtureOptions } from '../../src/fixtures/fixture-options.ts'
import type { Fixture } from '../../src/fixtures/fixture.ts'
import type { PortsOption } from '../../src/fixtures/ports-of.ts'
import type { PresetData } from '../../src/fixtures/presets/preset-data.ts'
import { currentScope, fileScope } from './current-scope.ts'

/** When a fixture's container is removed. */
export interface ContainerFixtureOptions {
  /** As the `scope` that is given to `test.extend`. @default 'file' */
  readonly scope?: 'file' | 'test'
}

/** What `test.extend` takes; with its array syntax it is given `use`. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- vitest reads its source: the first parameter must be destructured
export type ContainerFixture<Started = Fixture> = (context: {}, second?: unknown) => Promise<Started>

/**
 * A fixture for `test.extend`, one container for the file by default. Its start counts as the time of the first test that needs it, unless
 * {@link prewarm} starts it before.
 *
 * @example
 * const test = base.extend('redis', { scope: 'file' }, containerFixture({ image: 'redis:7', ports: [6379] }))
 * prewarm(test, 'redis')
 * test('counts', ({ redis }) => …)
 */
export function containerFixture<
  const Ports extends PortsOption = readonly [],
  const Preset extends PresetData = never,
>(
  spec: TypedFixtureOptions<Ports, Preset>,
  { scope }: ContainerFixtureOptions = {},
): ContainerFixture<Fixture<Ports, Preset>> {
  // Vitest takes the names of what it needs from the function's source: there must be a pattern, though it is empty.
  return async ({}, second) => {
    // A scope removes it: vitest calls no clean-up of a fixture whose set-up timed out.
    const container = await (scope === 'test' ? currentScope() : fileScope()).open(spec)
    if (typeof second === 'function') await (second as (value: unknown) => Promise<void>)(container)
    return container as unknown as Fixture<Ports, Preset>
  }
}

/** Of a test function that was made by `test.extend`: what {@link prewarm} needs of it. */
interface Prewarmable {
  beforeAll(hook: () => void, timeout?: number): unknown
}

/** Sets fixtures of the file up before its tests, in time that counts for none of them. */
export function prewarm(test: Prewarmable, ...names: readonly string[]): void {
  const source = `({ ${names.join(', ')} }) => undefined`
  // Vitest takes the names of what is needed from the function's source.
  const warm = Object.assign(() => undefined, { toString: () => source })
  test.beforeAll(warm, 0)
}
