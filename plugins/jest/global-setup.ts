import { beginMainRun } from './run/main-run.ts'
import type { GlobalConfig, ProjectConfig } from './run/project-config.ts'

/**
 * Pulls images and starts the services of the options, before the first test and without a timeout. Call it in a global set-up of your
 * own, which replaces that of the preset.
 *
 * @throws {AirplantError} as `withContainer`, with the name of the service in the message
 * @example
 * import airplant from 'airplant/jest/global-setup'
 * export default async (globalConfig, projectConfig) => {
 *   await airplant(globalConfig, projectConfig)
 *   await mySetup()
 * }
 */
export default async function globalSetup(globalConfig: GlobalConfig, projectConfig: ProjectConfig): Promise<void> {
  await beginMainRun(globalConfig, projectConfig)
}
