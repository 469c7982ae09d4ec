import { RunClient } from '../../../src/fixtures/run/run-client.ts'
import type { RunLink } from '../../../src/fixtures/run/run-protocol.ts'
import type { ProjectConfig } from './project-config.ts'
import { readRunContext } from './run-context.ts'

/**
 * What a project's files need of the run that they belong to: jest sets up only one of several projects that have the same global
 * set-up, and the others join when their first file runs.
 *
 * @returns undefined when the run's global set-up was not ours
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export async function joinRun(project: ProjectConfig): Promise<RunLink | undefined> {
  const context = readRunContext()
  const known = context?.links[project.id] ?? Object.values(context?.links ?? {}).find(({ socket }) => !socket)
  if (!context || known) return known
  const [first] = Object.values(context.links)
  if (first?.socket === undefined) return undefined
  const { rootDir: root, testEnvironmentOptions } = project
  const client = new RunClient(first.socket)
  try {
    return await client.ask('join', { root, options: testEnvironmentOptions.airplant })
  } finally {
    await client.close()
  }
}
