/* eslint-disable @typescript-eslint/no-unsafe-member-access -- `exports` has no type where values are exported this way */
import type { AirplantError as AirplantErrorClass } from '../../src/errors.ts' with { 'resolution-mode': 'import' }
import type { LateHandle } from '../../src/fixtures/late-handle.ts' with { 'resolution-mode': 'import' }
import type { pullImage as PullImage } from '../../src/fixtures/pull-image.ts' with { 'resolution-mode': 'import' }
import type { HandleOfService, NameOfService } from '../../src/fixtures/run/service-names.ts' with {
  'resolution-mode': 'import',
}
import type { Network } from '../../src/networks/network.ts' with { 'resolution-mode': 'import' }
import type {
  JestHooks,
  JestRuntime,
  MakePool,
  Presets,
  ScopedNetworkOptions,
  UseContainer,
  WithContainer,
} from './jest-runtime.ts' with { 'resolution-mode': 'import' }

export type * from '../../src/index.ts' with { 'resolution-mode': 'import' }
export type { LateHandle } from '../../src/fixtures/late-handle.ts' with { 'resolution-mode': 'import' }
export type { RunOptions, ServiceOptions } from '../../src/fixtures/run/run-options.ts' with {
  'resolution-mode': 'import',
}
export type { ServiceHandle } from '../../src/fixtures/run/service-handle.ts' with { 'resolution-mode': 'import' }
export type { ScopedNetworkOptions, ScopedOptions, UseContainerOptions } from './jest-runtime.ts' with {
  'resolution-mode': 'import',
}

// Jest's sandbox takes CommonJS without asking for flags. All work is done outside of it: this finds what the environment left here.

/**
 * The services of the configuration by their names, for you to fill in.
 *
 * @example
 * declare module 'airplant/jest' {
 *   interface Services { db: ServiceHandle }
 * }
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- users extend it
export interface Services {}

/** Names of services: any, until {@link Services} says which there are. */
export type ServiceName = NameOfService<Services>

/** What `useService` gives for a name. */
export type ServiceOfName<N extends ServiceName> = HandleOfService<Services, N>

/** All presets: `withContainer(presets.postgres())`. In ESM tests `airplant/presets` can be imported as well. */
export declare const presets: Presets

/**
 * As `withContainer` of `airplant`, and removes the container without being told: at the end of the test that called it, itself or by a
 * beforeEach; at the end of the file when called in beforeAll or at top level; at once when the test or hook timed out. `await using`
 * and the callback form end it earlier.
 *
 * @throws {AirplantError} as `withContainer` of `airplant`; `ERR_ABORTED` when the test or file ends before it is ready;
 *   `ERR_INVALID_OPTION` in an environment that is not airplant's
 * @example
 * test('keeps what it was given', async () => {
 *   const redis = await withContainer(presets.redis())
 *   const client = new Redis(redis.connection)
 * })
 */
export declare const withContainer: WithContainer
exports.withContainer = async (...given: Parameters<JestRuntime['withContainer']>) =>
  await runtime().withContainer(...given)

/**
 * Starts a container for the file, or for the `describe` that it is called in, and gives its handle, which is valid once hooks have run.
 * The start has a deadline of its own (`startTimeout`) and none of jest's.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` in a test or hook, where `withContainer` is the one to call; using it too early
 * @example
 * const redis = useContainer(presets.redis())
 * test('counts', async () => {
 *   const client = new Redis(redis.connection)
 * })
 */
export declare const useContainer: UseContainer
exports.useContainer = (...[source, options]: Parameters<UseContainer>) =>
  runtime().useContainer(hooks(), source, options)

/**
 * A container that the run's main process starts for all test files: one of the `services` of the options. Called in a file, it is ready
 * before the file's tests, however long that takes. In a test or hook, await it.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` without the global set-up or a service of that name; why it could not start;
 *   `ERR_CONTAINER_EXITED` when it has ended since
 * @example
 * const db = useService('db')
 * test('lists users', async () => {
 *   const client = new Client(db.url())
 * })
 */
export declare function useService<N extends ServiceName>(name: N): LateHandle<ServiceOfName<N>>
exports.useService = (name: string) => runtime().useService(hooks(), name)

/**
 * As `createNetwork` of `airplant`, and removes the network without being told, when containers of the same place are removed.
 *
 * @throws {AirplantError} as `createNetwork` of `airplant`
 * @example
 * const network = await createNetwork()
 * const db = await withContainer({ ...presets.postgres(), network, name: 'db' })
 */
export declare function createNetwork(options?: ScopedNetworkOptions): Promise<Network>
exports.createNetwork = async (options?: ScopedNetworkOptions) => await runtime().createNetwork(options)

/**
 * As `pool` of `airplant`, and ends without being told: with the file, or with the test that made it. What a test takes ends with that test.
 *
 * @example
 * const databases = pool({ ...presets.postgres(), prepare: migrate }, { size: 4 })
 * test('deletes users', async () => {
 *   const db = await databases.take()
 * })
 */
export declare const pool: MakePool
exports.pool = (...[source, options]: Parameters<MakePool>) => runtime().pool(source, options)

/** As `pullImage` of `airplant`. */
export declare const pullImage: typeof PullImage
exports.pullImage = async (...given: Parameters<typeof PullImage>) => await runtime().pullImage(...given)

/** As `isAirplantError` of `airplant`; use it instead of `instanceof Error`, since errors come from outside of the sandbox. */
export declare function isAirplantError(error: unknown): error is AirplantErrorClass
exports.isAirplantError = (error: unknown) =>
  typeof error === 'object' && error !== null && Symbol.for('airplant.error') in error

/** The class of all errors, as in `airplant`. */
export declare const AirplantError: typeof AirplantErrorClass
exports.AirplantError = found()?.AirplantError ?? Error

exports.presets = new Proxy(
  {},
  {
    get: (_none, name): unknown => (typeof name === 'symbol' ? undefined : Reflect.get(runtime().presets, name)),
  },
)

function found(): JestRuntime | undefined {
  return (globalThis as { [key: symbol]: unknown })[Symbol.for('airplant.runtime')] as JestRuntime | undefined
}

function runtime(): JestRuntime {
  const known = found()
  if (!known) {
    throw invalid(
      'Cannot use containers in this test file: its environment is not that of airplant',
      "Set preset: 'airplant/jest' in jest's configuration and no testEnvironment beside it, nor @jest-environment in the file; make another environment one of airplant by withAirplant() of 'airplant/jest/with-airplant'",
    )
  }
  if ((known.version as number) === 1) return known
  throw invalid(
    `Cannot use the environment of another copy of airplant: its version is ${String(known.version)}`,
    'Install one version of airplant: "npm ls airplant" shows the copies',
  )
}

/** Also where the configuration forbids global ones. */
function hooks(): JestHooks {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- jest makes it for the file that asks
  return require('@jest/globals') as JestHooks
}

/** An error of the sandbox's own, which knows no other class. */
function invalid(message: string, hint: string): Error {
  const error = new Error(`${message}\nHint: ${hint}`)
  Object.defineProperty(error, Symbol.for('airplant.error'), { value: true })
  return Object.assign(error, { name: 'AirplantError', code: 'ERR_INVALID_OPTION', phase: 'create', hint })
}
