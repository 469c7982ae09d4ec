import { setTimeout } from 'node:timers/promises'
import { Session } from '../src/index.ts'
import type { Held } from './held.ts'
import { heldBy, heldText } from './held.ts'
import type { BenchNetwork } from './network-api.ts'
import { createNetwork, startMember } from './network-api.ts'
import type { Section } from './samples.ts'
import { row, time } from './samples.ts'

const CYCLES = 500
const NETWORKS = 50

/** Members that come and go, with egress, beside one that stays; then networks that do. Nothing may be left of them. */
export async function measureCycles(): Promise<Section> {
  await using session = await Session.start()
  await using network = await createNetwork({ session })
  const member = (of: BenchNetwork, command: string[]) =>
    startMember({ session, command }, { network: of.name, egress: true })
  const cycle = async (of: BenchNetwork): Promise<void> => {
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
    title: `${CYCLES} containers join a network with egress and go, beside one that stays`,
    rows: [
      row('the first 100', cycles.slice(0, 100)),
      row('the last 100', cycles.slice(-100)),
      row('a network of its own, with its first egress', networks),
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
  const left = kinds.filter((kind) => after[kind] > before[kind]).map((kind) => `${after[kind] - before[kind]} ${kind}`)
  return left.length === 0 ? 'left: nothing' : `LEFT: ${left.join(', ')}`
}
