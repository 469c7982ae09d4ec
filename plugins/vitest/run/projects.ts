import type { TestProject } from 'vitest/node'
import type { ResolvedRunOptions } from '../../../src/fixtures/run/run-options.ts'

const key = Symbol.for('airplant.vitest-projects')

/** The options of the plugin, from the plugin to the global set-up, which vitest loads as another module. */
export function projectOptions(): WeakMap<TestProject, ResolvedRunOptions> {
  const holder = globalThis as { [key]?: WeakMap<TestProject, ResolvedRunOptions> }
  return (holder[key] ??= new WeakMap())
}
