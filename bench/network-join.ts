import { Session } from '../src/index.ts'
import type { BenchNetwork, Membership } from './network-api.ts'
import { createNetwork, startMember } from './network-api.ts'
import type { Section } from './samples.ts'
import { row } from './samples.ts'

const ROUNDS = 150
const WARM_UP = 20

/** The egress program of a new network is started in every so many rounds only: it is slow. */
const FIRST_EVERY = 5

interface Kind {
  readonly name: string
  readonly samples: number[]
  readonly membership: (network: BenchNetwork) => Membership
  /** On a network where nobody had egress yet. */
  readonly isFirst?: boolean
}

/** What a place on a network adds to a container's life; one of each kind in turn. */
export async function measureJoin(): Promise<Section> {
  await using session = await Session.start()
  await using network = await createNetwork({ session })
  const kinds = makeKinds()
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const { samples, membership, isFirst } of kinds) {
      if (isFirst && round % FIRST_EVERY !== 0) continue
      const elapsed = isFirst
        ? await first(session, (own) => live(session, membership(own)))
        : await live(session, membership(network))
      if (round >= 0) samples.push(elapsed)
    }
  }
  return {
    title: 'A container on the host image joins a network: create, run /bin/true, remove',
    rows: kinds.map(({ name, samples }) => row(name, samples)),
    notes: ['targets: joining adds at most 1.5 ms; with egress a start waits at most 50 ms'],
  }
}

function makeKinds(): Kind[] {
  const kind = (name: string, membership: Kind['membership'], isFirst = false): Kind => ({
    ...{ name, samples: [], membership, isFirst },
  })
  return [
    kind('no network', () => ({ network: 'none' })),
    kind('a network, no egress', ({ name }) => ({ network: name, egress: false })),
    kind('a network, egress that runs already', ({ name }) => ({ network: name, egress: true })),
    kind('a network, its first egress', ({ name }) => ({ network: name, egress: true }), true),
  ]
}

async function first(session: Session, measure: (network: BenchNetwork) => Promise<number>): Promise<number> {
  await using network = await createNetwork({ session })
  return await measure(network)
}

async function live(session: Session, membership: Membership): Promise<number> {
  const began = performance.now()
  const container = await startMember({ session, command: ['/bin/true'] }, membership)
  await container.wait()
  await container[Symbol.asyncDispose]()
  return performance.now() - began
}
