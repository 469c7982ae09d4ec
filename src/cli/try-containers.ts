import { createContainer } from '../containers/create-container.ts'
import type { ContainerOptions } from '../containers/options.ts'
import { now } from '../rootless/clock.ts'
import { defaultSession } from '../rootless/default-session.ts'
import type { CheckResult } from '../rootless/doctor/check.ts'

interface Trial extends Pick<CheckResult, 'id' | 'title'> {
  readonly options: ContainerOptions
  /** What it means when this does not work. */
  readonly failure: 'warn' | 'fail'
}

const trials: readonly Trial[] = [
  { id: 'container', title: 'A container', options: {}, failure: 'fail' },
  { id: 'network', title: 'A network', options: { network: 'session' }, failure: 'warn' },
  { id: 'way-out', title: 'A way out', options: { network: 'session', egress: true }, failure: 'warn' },
]

/** The doctor's last words, whatever the checks before them found: runs a container, alone, on a network, and with a way out of it. */
export async function tryContainers(env: NodeJS.ProcessEnv): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const trial of trials) {
    const result = await tryContainer(trial, env)
    results.push(result)
    // What has no container has no network either, for the same reason.
    if (result.status === 'fail') break
  }
  return results
}

async function tryContainer({ id, title, options, failure }: Trial, env: NodeJS.ProcessEnv): Promise<CheckResult> {
  try {
    const session = await defaultSession(env)
    const began = now()
    const around = { session, env, cwd: '/', began }
    await using container = await createContainer({ ...options, command: ['true'] }, around)
    const { exitCode } = await container.wait()
    const detail = `"true" on the host image ended with ${exitCode} after ${(now() - began).toFixed(0)} ms`
    return { id, title, status: exitCode === 0 ? 'ok' : failure, detail }
  } catch (error) {
    return { id, title, status: failure, detail: (error as Error).message.replaceAll('\n', '; ') }
  }
}
