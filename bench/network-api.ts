import * as airplant from '../src/index.ts'
import type { Container, FixtureOptions, Session } from '../src/index.ts'

/** A network that was made for a bench. */
export interface BenchNetwork extends AsyncDisposable {
  readonly name: string
}

interface NetworkApi {
  createNetwork?(options: { name?: string; session?: Session }): Promise<BenchNetwork>
}

/** What the options of a container say of its networks. */
export interface Membership {
  readonly network?: string | { readonly name: string; readonly aliases?: readonly string[] }
  readonly name?: string
  readonly egress?: boolean
}

/** Makes a network in the session. Throws where there are no networks yet */
export async function createNetwork(options: { name?: string; session?: Session } = {}): Promise<BenchNetwork> {
  const { createNetwork: create } = airplant as NetworkApi
  if (!create) throw new Error('there are no networks yet')
  return await create(options)
}

/** Starts a container with a place on a network. */
export async function startMember(
  options: Omit<FixtureOptions, 'network'>,
  membership: Membership,
): Promise<Container> {
  return await airplant.withContainer({ ...options, ...membership } as FixtureOptions)
}
