import { fileURLToPath } from 'node:url'
// It tells vite's types of configureVitest.
import type {} from 'vitest/config'
import type { Vite, VitestPluginContext } from 'vitest/node'
import type { PortsOf } from '../../src/fixtures/ports-of.ts'
import type { PresetData } from '../../src/fixtures/presets/preset-data.ts'
import type { Service, ServiceOf } from '../../src/fixtures/presets/service.ts'
import type { RunOptions, ServiceOptions } from '../../src/fixtures/run/run-options.ts'
import { resolveRunOptions } from '../../src/fixtures/run/run-options.ts'
import type { ServiceHandle } from '../../src/fixtures/run/service-handle.ts'
import { projectOptions } from './run/projects.ts'
import { SummaryReporter } from './run/summary-reporter.ts'

export type { RunOptions, ServiceOptions } from '../../src/fixtures/run/run-options.ts'

declare const services: unique symbol

/** The plugin, which knows the types of its services. */
export interface ContainersPlugin<S> extends Vite.Plugin {
  readonly [services]?: S
}

/** What {@link ServicesOf} gives for each service: its ports are known, and of a preset its connection and URL. */
export type HandleOf<O extends ServiceOptions> = ServiceHandle<DeclaredPorts<O>> & PresetPart<O>

type DeclaredPorts<O> = O extends { readonly ports?: infer Ports }
  ? 'ports' extends keyof O
    ? PortsOf<NonNullable<Ports>>
    : never
  : never

type PresetPart<O> = O extends { readonly preset?: infer P extends PresetData }
  ? ServiceOf<P> extends Service<infer Connection>
    ? Pick<Service<Connection>, 'connection' | 'url'>
    : unknown
  : unknown

/** The handles of a plugin's services by name, for `Services` of `airplant/vitest`. */
export type ServicesOf<P> =
  P extends ContainersPlugin<infer S extends Readonly<Record<string, ServiceOptions>>>
    ? { [N in keyof S]: HandleOf<S[N]> }
    : never

/**
 * The vitest plugin: pulls images and starts services before the first test, where no timeout runs; test files get them by `useService()`
 * of `airplant/vitest`. All containers of the run live in one keeper. Failing tests show what their containers wrote.
 *
 * @param options @default those of `airplant.config.ts`, found upwards from the project's root
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 * @example
 * export default defineConfig({
 *   plugins: [containers({ services: { db: { image: 'redis:7', ports: [6379], wait: { port: 6379 } } } })],
 * })
 */
export function containers<const S extends Readonly<Record<string, ServiceOptions>>>(
  options?: RunOptions & { readonly services?: S },
): ContainersPlugin<S> {
  const given = options && resolveRunOptions(options, process.env, 'containers()')
  return {
    name: 'airplant',
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- vitest waits for it, which its types do not say
    async configureVitest({ vitest, project }: VitestPluginContext) {
      const resolved = given ?? (await fromFile(project))
      projectOptions().set(project, resolved)
      const { config } = project
      // First, so that what users' own set-up does finds it there.
      config.globalSetup = [pathOf('./run/global-setup.js'), ...[config.globalSetup].flat()]
      config.setupFiles = [pathOf('./run/setup-file.js'), ...[config.setupFiles].flat()]
      if (resolved.summary !== false && !reporting.has(vitest)) {
        reporting.add(vitest)
        vitest.config.reporters.push(new SummaryReporter(resolved.summary))
      }
    },
  }
}

/** A plugin is called for each project, and there is one summary. */
const reporting = new WeakSet<VitestPluginContext['vitest']>()

async function fromFile(project: VitestPluginContext['project']): Promise<ReturnType<typeof resolveRunOptions>> {
  const { loadRunConfig } = await import('../../src/fixtures/run/load-run-config.ts')
  const found = await loadRunConfig(project.config.root, (path) => project.import(path))
  return resolveRunOptions(found?.options ?? {}, process.env, found?.path ?? 'containers()')
}

/** Vitest loads these by their paths. Run from source, as in this repository, they have another ending. */
function pathOf(name: string): string {
  const path = fileURLToPath(new URL(name, import.meta.url))
  return import.meta.url.endsWith('.ts') ? path.replace(/\.js$/, '.ts') : path
}
