import { afterAll } from 'vitest'
import type { Container, ContainerExit, FixtureOptions } from '../../src/index.ts'
import { isAirplantError, withContainer } from '../../src/index.ts'
import type { AirplantError } from '../../src/index.ts'
import type { Logs } from '../../src/containers/log-text.ts'
import { disposeDefaultSession } from '../../src/rootless/default-session.ts'
import { watchLeftovers, type Leftovers } from './leftovers.ts'

/** Whether this run maps a single ID: then there is nobody else in a container. */
export const isSingleId = process.env['AIRPLANT_IDS'] === 'single'

/** Ends the file's default session and looks for what is left, after the file. Call it at the top. */
export function checkLeftovers(): Leftovers {
  const left = watchLeftovers()
  afterAll(async () => {
    await disposeDefaultSession()
    await left.assertNone()
  })
  return left
}

/** How a container that ran to its end ended, and what it wrote. */
export type Outcome = ContainerExit & Logs

/** Runs a container to its end. */
export async function runToEnd(options: FixtureOptions): Promise<Outcome> {
  return await withContainer(options, async (container) => {
    const exit = await container.wait()
    return { ...exit, ...(await container.logs()) }
  })
}

/** What a shell script in a container writes to its output, without the last line end. */
export async function outputOf(script: string, options: FixtureOptions = {}): Promise<string> {
  const { output } = await runToEnd({ ...options, command: ['sh', '-c', script] })
  return output.trimEnd()
}

/** The error with which something fails. */
export async function errorOf(failing: Promise<unknown>): Promise<AirplantError> {
  try {
    await failing
  } catch (error) {
    if (isAirplantError(error)) return error
    throw error
  }
  throw new Error('It did not fail')
}

/** What a shell script in a running container writes. */
export async function shell(container: Pick<Container, 'exec'>, script: string): Promise<string> {
  const { output } = await container.exec(['sh', '-c', script])
  return output.trimEnd()
}
