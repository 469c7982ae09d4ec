import { setTimeout } from 'node:timers/promises'
import type { Network } from '../src/index.ts'
import { createNetwork, Session, withContainer } from '../src/index.ts'
import type { Held } from './held.ts'
import { heldBy, heldText } from './held.ts'
import { findProgram } from './run-command.ts'
import type { Section } from './samples.ts'
import { row, time } from './samples.ts'

const CYCLES = 500
const NETWORKS = 50
const hasEgress = findProgram('slirp4netns') !== undefined

/** Members that come and go beside one that stays, then networks that do, all with egress where that is installed. Nothing may be left of them. */
export async function measureCycles(): Promise<Section> {
  await using session = await Session.start()
  await using network = await createNetwork({ session })
  const member = (network: Network, command: string[]) =>
    withContainer({ session, network, command, egress: hasEgress })
  const cycle = async (of: Network): Promise<void> => {
    await using container = await member(of, ['/bin/true'])
    await container.wait()
  }
  await using stays = await member(network, ['sleep', '600'])
  await time(20, 0, () => cycle(network))
  const before = await settled(session)
  const cycles = await time(CYCLES, 0, () => cycle(network))
  const networks = await time(NETWORKS, 0, async () => {
    await using own = await createNetwork({ session })
    await cycle(own)
  })
  const after = await settled(session, before)
  return {
    title: `${CYCLES} containers join a network with${hasEgress ? '' : 'out'} egress and go, beside one that stays`,
    rows: [
      row('the first 100', cycles.slice(0, 100)),
      row('the last 100', cycles.slice(-100)),
      row('a network of its own for each of some more', networks),
    ],
    notes: [`before: ${heldText(before)}`, `after:  ${heldText(after)}`, verdict(before, after)],
  }
}

/** The kernel takes namespaces apart in the background, and the pool is filled there: waits for as much as is expected, at most five seconds. */
async function settled({ keeperPid }: Session, expected?: Held): Promise<Held> {
  const deadline = performance.now() + 5000
  let held = heldBy(keeperPid)
  for (let last = ''; performance.now() < deadline && heldText(held) !== (expected ? heldText(expected) : last);) {
    last = heldText(held)
    await setTimeout(200)
    held = heldBy(keeperPid)
  }
  return held
}

function verdict(before: Held, after: Held): string {
  const kinds = Object.keys(before) as (keyof Held)[]
  const left = kinds
    .map((kind) => ({ kind, more: (after[kind] ?? 0) - (before[kind] ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${more} ${kind}`)
  return left.length === 0 ? 'left: nothing' : `LEFT: ${left.join(', ')}`
}
