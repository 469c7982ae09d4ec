import type { RunnerTestCase } from 'vitest'
import { AirplantError } from '../../../src/errors.ts'
import { RunMember } from '../../../src/fixtures/run/run-member.ts'
import type { RunLink } from '../../../src/fixtures/run/run-protocol.ts'
import { currentTest } from '../current-test.ts'

const key = Symbol.for('airplant.vitest-worker')

/** A test file of vitest. */
export type WorkerFile = RunMember<RunnerTestCase>

/** Begins a test file: containers that it opens are watched. */
export function startWorkerFile(link: RunLink): WorkerFile {
  const tests = {
    current: currentTest,
    isRunning: (test: RunnerTestCase) => test.result?.state === 'run',
    nameOf: (test: RunnerTestCase) => test.fullName,
  }
  // The same number for whatever runs in the same place, one after the other.
  const file = new RunMember(link, tests, process.env['VITEST_POOL_ID'])
  ;(globalThis as { [key]?: WorkerFile })[key] = file
  return file
}

/** The test file that runs in this process now; undefined without the plugin. */
export function workerFile(): WorkerFile | undefined {
  return (globalThis as { [key]?: WorkerFile })[key]
}

/** `ERR_INVALID_OPTION`: the plugin is not among those of the configuration. */
export function noPlugin(name: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'create',
    message: `Cannot use service "${name}": this project runs without the plugin`,
    hint: "Add containers({ services: … }) of 'airplant/vitest/plugin' to the plugins of the vitest configuration",
  })
}
