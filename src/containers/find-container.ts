import { AirplantError } from '../errors.ts'
import type { ListedContainer } from '../rootless/keeper-client.ts'
import { attachSessions } from '../rootless/attach-sessions.ts'
import type { Session } from '../rootless/session.ts'
import type { ContainerMeta } from './container-meta.ts'
import { readMeta } from './container-meta.ts'

/** A container of any living session of this user, entered from outside. Disposing it closes the connection and changes nothing. */
export interface FoundContainer extends AsyncDisposable {
  readonly session: Session
  readonly listed: ListedContainer
  readonly meta: ContainerMeta
}

/**
 * The container of that name, ID, or unambiguous beginning of an ID.
 *
 * @throws {AirplantError} `ERR_CONTAINER_NOT_FOUND`
 * @example
 * await using found = await findContainer('db', process.env)
 */
export async function findContainer(wanted: string, env: NodeJS.ProcessEnv): Promise<FoundContainer> {
  const all = await findContainers(env)
  const matches = (each: FoundContainer): boolean => each.meta.name === wanted || each.listed.id === wanted
  const exact = all.filter(matches)
  const chosen = exact.length > 0 ? exact : all.filter(({ listed }) => wanted !== '' && listed.id.startsWith(wanted))
  const kept = chosen.length === 1 ? chosen[0] : undefined
  const others = new Set(all.map(({ session }) => session).filter((session) => session !== kept?.session))
  await Promise.all([...others].map((session) => session[Symbol.asyncDispose]()))
  if (kept) return kept
  throw new AirplantError({
    code: 'ERR_CONTAINER_NOT_FOUND',
    message: `Cannot find container "${wanted}": ${chosen.length > 1 ? 'more than one begins so' : 'no running one has that name or ID'}`,
    hint:
      all.length === 0
        ? 'No container is running here: start it first'
        : `Name one of these: ${all.map(nameOf).join(', ')}`,
    container: wanted,
  })
}

/** All containers of this account, whichever process started them. Dispose each. */
export async function findContainers(env: NodeJS.ProcessEnv): Promise<FoundContainer[]> {
  const sessions = await attachSessions(env)
  const found = await Promise.all(sessions.map(containersOf))
  return found.flat()
}

async function containersOf(session: Session): Promise<FoundContainer[]> {
  const listed = await session.client.list().catch(() => [])
  if (listed.length === 0) await session[Symbol.asyncDispose]()
  const close = (): Promise<void> => session[Symbol.asyncDispose]()
  return listed.map((each) => ({ session, listed: each, meta: readMeta(each.meta), [Symbol.asyncDispose]: close }))
}

function nameOf({ meta, listed }: FoundContainer): string {
  return meta.name ?? listed.id
}
