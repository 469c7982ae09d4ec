import '../../src/rootless/dispose-symbols.ts'
import type { CreateNetworkOptions } from '../../src/fixtures/create-network.ts'
import { createNetwork as makeNetwork } from '../../src/fixtures/create-network.ts'
import type { TypedFixtureOptions } from '../../src/fixtures/fixture-options.ts'
import type { Fixture, FixtureSnapshot } from '../../src/fixtures/fixture.ts'
import type { Pool, PoolOptions } from '../../src/fixtures/pool/pool.ts'
import { pool as makePool } from '../../src/fixtures/pool/pool.ts'
import type { PortsOption } from '../../src/fixtures/ports-of.ts'
import type { PresetData } from '../../src/fixtures/presets/preset-data.ts'
import { optionsOf, useAndDispose } from '../../src/fixtures/with-container.ts'
import type { Network } from '../../src/networks/network.ts'
import { currentScope, fileScope, registerScopes } from './current-scope.ts'
import { skipsFile, skipsHere } from './skip-unsupported.ts'

export * from '../../src/index.ts'
export { containerFixture, prewarm } from './container-fixture.ts'
export type { ContainerFixture, ContainerFixtureOptions } from './container-fixture.ts'
export type { LateHandle } from '../../src/fixtures/late-handle.ts'
export { useContainer } from './use-container.ts'
export type { UseContainerOptions } from './use-container.ts'
export { useService } from './use-service.ts'
export type { ServiceName, ServiceOfName, Services } from './use-service.ts'
export type { ServiceHandle } from '../../src/fixtures/run/service-handle.ts'

/** A container's options, when it counts as started, and when it is removed. */
export interface ScopedOptions<
  Ports extends PortsOption = PortsOption,
  Preset extends PresetData = PresetData,
> extends TypedFixtureOptions<Ports, Preset> {
  /**
   * When the container is removed. Say `'file'` in a file-scoped fixture of `test.extend`, which vitest sets up within a test.
   *
   * @default the test's end when called in a test, beforeEach or afterEach; else the file's
   */
  readonly scope?: 'file'
}

registerScopes()
skipsFile()

/**
 * As `withContainer` of `airplant`, and removes the container without being told: at the end of the test that called it, itself or by a
 * beforeEach; at the end of the file when called in beforeAll or at top level; at once when the test or hook timed out. `await using`
 * and the callback form end it earlier.
 *
 * @throws {AirplantError} as `withContainer` of `airplant`; `ERR_ABORTED` when the test or file ends before it is ready
 * @example
 * test('keeps what it was given', async () => {
 *   const redis = await withContainer({ command: ['redis-server'], ports: [6379], wait: { port: 6379 } })
 *   const client = connect(redis.url(6379, 'redis'))
 * })
 */
export async function withContainer<
  const Ports extends PortsOption = readonly [],
  const Preset extends PresetData = never,
>(source: ScopedOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>): Promise<Fixture<Ports, Preset>>
/** Starts a container, calls the function with it, and removes it however the function ends. */
export async function withContainer<
  T,
  const Ports extends PortsOption = readonly [],
  const Preset extends PresetData = never,
>(
  source: ScopedOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
  use: (fixture: Fixture<Ports, Preset>) => T | Promise<T>,
): Promise<T>
export async function withContainer<T>(
  source: ScopedOptions | FixtureSnapshot,
  use?: (fixture: Fixture) => T | Promise<T>,
): Promise<Fixture | T> {
  skipsHere()
  const { scope, ...options }: ScopedOptions = optionsOf(source)
  const fixture = await (scope === 'file' ? fileScope() : currentScope()).open(options)
  return use ? await useAndDispose(fixture, use) : fixture
}

/** How a pool keeps its containers, and when it ends. */
export interface ScopedPoolOptions extends PoolOptions {
  /** As with {@link ScopedOptions}. */
  readonly scope?: 'file'
}

/**
 * As `pool` of `airplant`, and ends without being told: with the file, or with the test that made it. What a test takes ends with that test.
 *
 * @throws {AirplantError} as `pool` of `airplant`
 * @example
 * const databases = pool({ ...postgres(), prepare: migrate }, { size: 2 })
 * test('has a database of its own', async () => {
 *   const db = await databases.take()
 * })
 */
export function pool<const Ports extends PortsOption = readonly [], const Preset extends PresetData = never>(
  source: TypedFixtureOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
  { scope, ...options }: ScopedPoolOptions = {},
): Pool<Fixture<Ports, Preset>> {
  const made = makePool(source, options)
  const keeping = (scope === 'file' ? fileScope() : currentScope()).keep(Promise.resolve(made))
  keeping.catch(() => undefined)
  const take = made.take.bind(made)
  return Object.assign(made, { take: (how?: { signal?: AbortSignal }) => currentScope().keep(take(how)) })
}

/** A network's options, and when it is removed. */
export interface ScopedNetworkOptions extends CreateNetworkOptions {
  /** As with {@link ScopedOptions}. */
  readonly scope?: 'file'
}

/**
 * As `createNetwork` of `airplant`, and removes the network without being told, when containers of the same place are removed.
 *
 * @throws {AirplantError} as `createNetwork` of `airplant`
 * @example
 * const network = await createNetwork()
 * const db = await withContainer({ image: 'postgres:17', network, name: 'db' })
 */
export async function createNetwork({ scope, ...options }: ScopedNetworkOptions = {}): Promise<Network> {
  return await (scope === 'file' ? fileScope() : currentScope()).keep(makeNetwork(options))
}
