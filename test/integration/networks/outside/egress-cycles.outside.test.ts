import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { heldBy, type Held } from '../../../../bench/held.ts'
import { createNetwork, withContainer } from '../../../../src/index.ts'
import { defaultSession } from '../../../../src/rootless/default-session.ts'
import { checkLeftovers } from '../../../support/containers.ts'
import { forwardersOf } from '../../../support/forwarders.ts'
import { missingProgram } from '../../../support/outside.ts'

checkLeftovers()

const ROUNDS = 25
const programs = [
  ['slirp4netns', missingProgram('slirp4netns')],
  ['pasta', missingProgram('pasta', 'passt')],
] as const

test.for(programs)(
  `${ROUNDS} networks that %s connects leave nothing`,
  { timeout: 60_000 },
  async ([program, missing], { skip }) => {
    if (missing) skip(missing)
    const session = await defaultSession()
    const round = async (): Promise<string> => {
      await using network = await createNetwork()
      await using one = await withContainer({ network, name: 'one', egress: program, command: ['true'] })
      await one.wait()
      return network.paths.root
    }
    // Namespaces that are kept ready are made in the background.
    const settled = async (wanted?: Held): Promise<Held> => {
      let held = heldBy(session.keeperPid)
      await expect
        .poll(
          () => {
            const before = held
            held = heldBy(session.keeperPid)
            return wanted ? isWithin(held, wanted) : isWithin(held, before)
          },
          { timeout: 10_000, interval: 200 },
        )
        .toBe(true)
      return held
    }
    for (let times = 0; times < 3; times++) await round()
    const before = await settled()
    for (let times = 0; times < ROUNDS; times++) expect(existsSync(await round())).toBe(false)
    await settled(before)
    expect(forwardersOf(session, program)).toEqual([])
  },
)

function isWithin(held: Held, wanted: Held): boolean {
  return (
    held.processes <= wanted.processes &&
    held.interfaces <= wanted.interfaces &&
    (held.descriptors === undefined || held.descriptors <= (wanted.descriptors ?? 0))
  )
}
