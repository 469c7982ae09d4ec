import type { ResolvedRunOptions, RunOptions } from '../../../src/fixtures/run/run-options.ts'
import { resolveRunOptions } from '../../../src/fixtures/run/run-options.ts'

/** What is needed of the configuration of a project of jest. */
export interface ProjectConfig {
  readonly id: string
  readonly rootDir: string
  readonly testEnvironmentOptions: { readonly airplant?: RunOptions | undefined }
}

/** What is needed of the configuration of a whole run. */
export interface GlobalConfig {
  readonly watch?: boolean
  readonly watchAll?: boolean
  readonly projects?: readonly unknown[]
}

/**
 * A project's options: those in its `testEnvironmentOptions`, or of the nearest `airplant.config.*`.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export async function projectOptions(project: ProjectConfig): Promise<ResolvedRunOptions> {
  const { airplant: given } = project.testEnvironmentOptions
  if (given) return resolveRunOptions(given, process.env, 'testEnvironmentOptions.airplant')
  const { loadRunConfig } = await import('../../../src/fixtures/run/load-run-config.ts')
  const found = await loadRunConfig(project.rootDir)
  return resolveRunOptions(found?.options ?? {}, process.env, found && `the options of "${found.path}"`)
}
