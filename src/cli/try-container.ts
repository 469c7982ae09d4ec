import { createContainer } from '../containers/create-container.ts'
import { now } from '../rootless/clock.ts'
import { defaultSession } from '../rootless/default-session.ts'
import type { CheckResult } from '../rootless/doctor/check.ts'

/** The doctor's last word, whatever the checks before it found: runs a container. */
export async function tryContainer(env: NodeJS.ProcessEnv): Promise<CheckResult> {
  const about = { id: 'container', title: 'A container' }
  try {
    const session = await defaultSession(env)
    const began = now()
    await using container = await createContainer({ command: ['true'] }, { session, env, cwd: '/', began })
    const { exitCode } = await container.wait()
    const detail = `"true" on the host image ended with ${exitCode} after ${(now() - began).toFixed(0)} ms`
    return { ...about, status: exitCode === 0 ? 'ok' : 'fail', detail }
  } catch (error) {
    return { ...about, status: 'fail', detail: (error as Error).message.replaceAll('\n', '; ') }
  }
}
