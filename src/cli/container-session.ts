import type { AttachedContainer } from '../containers/attached-container.ts'
import { endOnSignals } from './end-on-signals.ts'

/** Runs a command about a running container of any process of this account. */
export async function withContainerOf<T>(
  name: string,
  command: (container: AttachedContainer) => Promise<T>,
): Promise<T> {
  const { env } = process
  endOnSignals()
  const [{ findContainer }, { AttachedContainer }] = await Promise.all([
    import('../containers/find-container.ts'),
    import('../containers/attached-container.ts'),
  ])
  const found = await findContainer(name, env)
  try {
    return await command(await AttachedContainer.open(found, env))
  } finally {
    await found[Symbol.asyncDispose]()
  }
}
