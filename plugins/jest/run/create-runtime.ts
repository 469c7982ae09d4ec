import { AirplantError } from '../../../src/errors.ts'
import type { FixtureOptions } from '../../../src/fixtures/fixture-options.ts'
import type { FixtureSnapshot } from '../../../src/fixtures/fixture.ts'
import type { PoolOptions } from '../../../src/fixtures/pool/pool.ts'
import type { Scope } from '../../../src/fixtures/scope.ts'
import type { JestRuntime } from '../jest-runtime.ts'
import { fullName } from './circus-event.ts'
import type { FileRun } from './file-run.ts'
import { LatePool } from './late-pool.ts'
import { useContainer } from './use-container.ts'
import { useService } from './use-service.ts'

/** Where the sandbox's module looks for it. */
export const RUNTIME = Symbol.for('airplant.runtime')

/** What a file's tests call, through the thin module in their sandbox. */
export async function createRuntime(file: FileRun): Promise<JestRuntime> {
  const scopeOf = (scope: 'file' | undefined): Scope => {
    file.checkSupported()
    return scope === 'file' ? file.scopes.file : file.scopes.current()
  }
  return {
    version: 1,
    AirplantError,
    presets: await import('../../../src/fixtures/presets/index.ts'),
    async withContainer(source, use) {
      const { scope, ...options } = optionsOf(source) as FixtureOptions & { scope?: 'file' }
      const running = file.scopes.running()
      // What "airplant ps" shows.
      const labels = { ...(running && { 'airplant.test': fullName(running.test) }), ...options.labels }
      const fixture = await scopeOf(scope).open(options.reuse ? options : { ...options, labels })
      if (!use) return fixture
      const { useAndDispose } = await import('../../../src/fixtures/with-container.ts')
      return await useAndDispose(fixture, use)
    },
    async createNetwork({ scope, ...options } = {}) {
      const { createNetwork } = await import('../../../src/fixtures/create-network.ts')
      return await scopeOf(scope).keep(createNetwork(options))
    },
    pool(source, { scope, ...options } = {}) {
      const made = new LatePool(makePool(source, options), () => file.scopes.current())
      void scopeOf(scope)
        .keep(Promise.resolve(made))
        .catch(() => undefined)
      return made
    },
    async pullImage(reference, options) {
      const { pullImage } = await import('../../../src/fixtures/pull-image.ts')
      return await pullImage(reference, options)
    },
    useContainer: (hooks, source, options) => useContainer(file, hooks, optionsOf(source), options),
    useService: (hooks, name) => useService(file, hooks, name),
  }
}

function optionsOf(source: FixtureOptions | FixtureSnapshot): FixtureOptions {
  return typeof source === 'object' && 'layers' in source ? source.options : source
}

async function makePool(source: FixtureOptions | FixtureSnapshot, options: PoolOptions | undefined) {
  const { pool } = await import('../../../src/fixtures/pool/pool.ts')
  return pool(source, options)
}
