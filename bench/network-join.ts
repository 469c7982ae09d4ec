import type { FixtureOptions, Network } from '../src/index.ts'
import { createNetwork, Session, withContainer } from '../src/index.ts'
import { findProgram } from './run-command.ts'
import type { Section } from './samples.ts'
import { percentile, row } from './samples.ts'

const ROUNDS = 150
const WARM_UP = 20

/** A new network's egress program is started in every so many rounds only: it is slow. */
const FIRST_EVERY = 5

type Membership = Pick<FixtureOptions, 'network' | 'egress'>

interface Kind {
  readonly name: string
  readonly membership: (network: Network) => Membership
  /** Each on a network of its own, where nobody had egress yet. */
  readonly isFirst: boolean
  readonly started: number[]
  readonly all: number[]
}

/** What a place on a network adds to a container's start and to its life; one of each kind in turn. */
export async function measureJoin(): Promise<Section> {
  await using session = await Session.start()
  await using network = await createNetwork({ session })
  const kinds = makeKinds()
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const kind of kinds.filter(({ isFirst }) => !isFirst || round % FIRST_EVERY === 0)) {
      const { started, all } = await live(session, kind, network)
      if (round < 0) continue
      kind.started.push(started)
      kind.all.push(all)
    }
  }
  return {
    title: 'A container on the host image joins a network',
    rows: [
      ...kinds.map(({ name, started }) => row(`${name}: call to executed`, started)),
      ...kinds.map(({ name, all }) => row(`${name}: create, run /bin/true, remove`, all)),
    ],
    notes: [...kinds.slice(1).map((kind) => addedText(kind, kinds[0]!)), 'targets: 1.5 ms; the first egress 50 ms'],
  }
}

function makeKinds(): Kind[] {
  const kind = (name: string, membership: Kind['membership'], isFirst = false): Kind => ({
    ...{ name, membership, isFirst, started: [], all: [] },
  })
  const withoutEgress = [
    kind('no network', () => ({ network: 'none' })),
    kind('a network, no egress', (network) => ({ network, egress: false })),
  ]
  if (!findProgram('slirp4netns')) return withoutEgress
  return [
    ...withoutEgress,
    kind('a network, egress that runs', (network) => ({ network, egress: true })),
    kind('a network, its first egress', (network) => ({ network, egress: true }), true),
  ]
}

async function live(session: Session, { membership, isFirst }: Kind, network: Network) {
  await using own = isFirst ? await createNetwork({ session }) : undefined
  const options = { ...membership(own ?? network), session, command: ['/bin/true'] }
  const began = performance.now()
  const container = await withContainer(options)
  const started = performance.now() - began
  await container.wait()
  await container[Symbol.asyncDispose]()
  return { started, all: performance.now() - began }
}

function addedText({ name, started, all }: Kind, none: Kind): string {
  const added = (samples: readonly number[], base: readonly number[]): string =>
    (percentile(samples, 0.5) - percentile(base, 0.5)).toFixed(2)
  return `${name} adds ${added(started, none.started)} ms to a start and ${added(all, none.all)} ms to the whole, at p50`
}
