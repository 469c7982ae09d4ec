import type { AirplantError } from '../../src/errors.ts'
import type { CreateNetworkOptions } from '../../src/fixtures/create-network.ts'
import type { FixtureOptions } from '../../src/fixtures/fixture-options.ts'
import type { Fixture, FixtureSnapshot } from '../../src/fixtures/fixture.ts'
import type { LateHandle } from '../../src/fixtures/late-handle.ts'
import type { Pool, PoolOptions } from '../../src/fixtures/pool/pool.ts'
import type { PortsOption } from '../../src/fixtures/ports-of.ts'
import type { PresetData } from '../../src/fixtures/presets/preset-data.ts'
import type * as allPresets from '../../src/fixtures/presets/index.ts'
import type { pullImage } from '../../src/fixtures/pull-image.ts'
import type { ServiceHandle } from '../../src/fixtures/run/service-handle.ts'
import type { Network } from '../../src/networks/network.ts'

/** A container's options, when it counts as started, and when it is removed. */
export interface ScopedOptions<
  Ports extends PortsOption = PortsOption,
  Preset extends PresetData = PresetData,
> extends FixtureOptions<Ports, Preset> {
  /**
   * When the container is removed.
   *
   * @default the test's end when called in a test, beforeEach or afterEach; else the file's
   */
  readonly scope?: 'file'
}

/** A network's options, and when it is removed. */
export interface ScopedNetworkOptions extends CreateNetworkOptions {
  /** As with {@link ScopedOptions}. */
  readonly scope?: 'file'
}

/** How a pool keeps its containers, and when it ends. */
export interface ScopedPoolOptions extends PoolOptions {
  /** As with {@link ScopedOptions}. */
  readonly scope?: 'file'
}

/** How the container of `useContainer` goes on between tests. */
export interface UseContainerOptions {
  /**
   * Before each test but the first: the preset's own reset, or a function that makes the service as it was.
   *
   * @default nothing
   */
  readonly reset?: true | ((container: Fixture) => void | Promise<void>)
}

/** `withContainer` of `airplant/jest`. */
export interface WithContainer {
  <const Ports extends PortsOption = readonly [], const Preset extends PresetData = never>(
    source: ScopedOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
  ): Promise<Fixture<Ports, Preset>>
  /** Starts a container, calls the function with it, and removes it however the function ends. */
  <T, const Ports extends PortsOption = readonly [], const Preset extends PresetData = never>(
    source: ScopedOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
    use: (fixture: Fixture<Ports, Preset>) => T | Promise<T>,
  ): Promise<T>
}

/** `useContainer` of `airplant/jest`. */
export type UseContainer = <const Ports extends PortsOption = readonly [], const Preset extends PresetData = never>(
  source: FixtureOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
  options?: UseContainerOptions,
) => LateHandle<Fixture<Ports, Preset>>

/** `pool` of `airplant/jest`. */
export type MakePool = <const Ports extends PortsOption = readonly [], const Preset extends PresetData = never>(
  source: FixtureOptions<Ports, Preset> | FixtureSnapshot<Ports, Preset>,
  options?: ScopedPoolOptions,
) => Pick<Pool<Fixture<Ports, Preset>>, 'ready' | 'take'> & AsyncDisposable

/** The hooks of the sandbox that the file runs in. */
export interface JestHooks {
  beforeAll(hook: () => unknown, timeout?: number): void
  beforeEach(hook: () => unknown, timeout?: number): void
  afterAll(hook: () => unknown, timeout?: number): void
}

/** All presets by name. */
export type Presets = typeof allPresets

/** What the environment puts into the sandbox, for the thin module there: jest's sandbox takes no ESM without a flag. */
export interface JestRuntime {
  /** Raised when the module of one version cannot use the environment of another. */
  readonly version: 1
  readonly AirplantError: typeof AirplantError
  readonly presets: Presets
  withContainer(source: ScopedOptions | FixtureSnapshot, use?: (fixture: Fixture) => unknown): Promise<unknown>
  createNetwork(options?: ScopedNetworkOptions): Promise<Network>
  pool(source: FixtureOptions | FixtureSnapshot, options?: ScopedPoolOptions): ReturnType<MakePool>
  readonly pullImage: typeof pullImage
  useContainer(
    hooks: JestHooks,
    source: FixtureOptions | FixtureSnapshot,
    options?: UseContainerOptions,
  ): LateHandle<Fixture>
  useService(hooks: JestHooks, name: string): LateHandle<ServiceHandle>
}
