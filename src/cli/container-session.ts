import type { AttachedContainer } from '../containers/attached-container.ts'
import { endOnSignals } from './end-on-signals.ts'

/** A running container, of whatever process of this account; disposing closes the connection. */
export interface OpenContainer extends AsyncDisposable {
  readonly container: AttachedContainer
}

/** @param name name, ID, or beginning of an ID @throws {AirplantError} `ERR_CONTAINER_NOT_FOUND` */
export async function openContainer(name: string): Promise<OpenContainer> {
  const { env } = process
  const [{ findContainer }, { AttachedContainer }] = await Promise.all([
    import('../containers/find-container.ts'),
    import('../containers/attached-container.ts'),
  ])
  const found = await findContainer(name, env)
  const close = async (): Promise<void> => await found[Symbol.asyncDispose]()
  try {
    return { container: await AttachedContainer.open(found, env), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Runs a command about a running container of any process of this account. */
export async function withContainerOf<T>(
  name: string,
  command: (container: AttachedContainer) => Promise<T>,
): Promise<T> {
  endOnSignals()
  const { container, [Symbol.asyncDispose]: close } = await openContainer(name)
  try {
    return await command(container)
  } finally {
    await close()
  }
}
