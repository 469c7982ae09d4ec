import { endMainRun } from './run/main-run.ts'
import type { GlobalConfig } from './run/project-config.ts'

/**
 * Removes all containers of the run; in watch mode they stay until jest ends. Call it in a global teardown of your own, which replaces
 * that of the preset.
 */
export default async function globalTeardown(globalConfig: GlobalConfig): Promise<void> {
  await endMainRun(globalConfig)
}
