import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { now, setTimer } from '../../rootless/clock.ts'
import { clientFrames, frameFields } from '../../rootless/protocol/frames.ts'
import { chooseSubnet } from '../addresses/choose-subnet.ts'
import { readHostRoutes } from '../addresses/host-routes.ts'
import { formatSubnet, parseSubnet } from '../addresses/subnet.ts'
import type { Network } from '../network.ts'
import { readJson, writeAtomically } from '../network-record.ts'
import { explainEgress, otherProgram, warnOfEnd } from './egress-error.ts'
import { planEgress } from './egress-plan.ts'
import { EgressProcess } from './egress-process.ts'
import type { EgressSettings } from './egress-process.ts'
import { findEgressProgram } from './egress-program.ts'
import type { EgressProgram } from './egress-program.ts'

/** Pauses before it is started again, in ms; one that lived for ten seconds begins at the first. */
const PAUSES = [0, 100, 500, 2000]
const STEADY = 10_000

/** What the session directory says of a way out. */
interface EgressRecord {
  readonly program: EgressProgram['name']
  readonly handle: number
  readonly subnet: string
}

/** The way out of one network: a program outside that serves a tap inside, started when the first container needs it. */
export class Egress {
  readonly #network: Network
  #opening: Promise<void> | undefined
  #process: EgressProcess | undefined
  #name: EgressProgram['name'] | undefined
  #isClosed = false

  constructor(network: Network) {
    this.#network = network
  }

  /**
   * Resolves when the way is open, or will be in a moment.
   *
   * @param wanted forces a program
   * @throws {AirplantError} `ERR_EGRESS_UNAVAILABLE`, the same at every call but for a program that was not installed
   */
  async open(wanted: EgressProgram['name'] | undefined, env: NodeJS.ProcessEnv): Promise<void> {
    this.#opening ??= this.#start(findEgressProgram(wanted, env))
    await this.#opening
    if (wanted === undefined || this.#name === undefined || this.#name === wanted) return
    throw otherProgram(this.#network, this.#name, wanted)
  }

  /** Ends the program, which keeps the network's namespace. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#opening?.catch(() => undefined)
    await this.#process?.remove()
  }

  async #start(program: EgressProgram): Promise<void> {
    const { paths, session, handle, subnets, name } = this.#network
    try {
      writeFileSync(paths.egress, '', { flag: 'wx', mode: 0o600 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      await this.#adopt(program)
      return
    }
    const hasIpv6 = existsSync('/proc/net/if_inet6')
    const tap = chooseSubnet(readHostRoutes(), [{ name, subnet: subnets.subnet }])
    try {
      const helper = await session.client.spawn({ kind: 'helper', plan: planEgress(handle, tap, hasIpv6) })
      await helper.wait()
      await this.#run({ program, tap, hasIpv6 }, 0)
    } catch (error) {
      // For other processes to fail by themselves, instead of taking it for open.
      rmSync(paths.egress, { force: true })
      throw explainEgress(error, this.#network)
    }
  }

  async #run(settings: EgressSettings, tries: number): Promise<void> {
    const { paths } = this.#network
    const began = now()
    const started = await EgressProcess.start(this.#network, settings)
    this.#process = started
    this.#name = settings.program.name
    const record: EgressRecord = {
      ...{ program: settings.program.name, handle: started.handle, subnet: formatSubnet(settings.tap) },
    }
    writeAtomically(paths.egress, JSON.stringify(record))
    void started.ended.then((end) => {
      if (end !== undefined && !this.#isGone()) this.#again(end, settings, now() - began > STEADY ? 0 : tries)
    })
    await started.ready
  }

  #again(end: string, settings: EgressSettings, tries: number): void {
    const pause = PAUSES[tries]
    warnOfEnd(settings.program.name, this.#network, end, pause !== undefined)
    if (pause === undefined) return
    const start = (): void => {
      if (!this.#isGone()) this.#run(settings, tries + 1).catch(() => undefined)
    }
    setTimer(start, pause).unref()
  }

  /** Another process of the session opened it. When that is gone, and the program too, it is ours to run. */
  async #adopt(program: EgressProgram): Promise<void> {
    const { paths, session } = this.#network
    const record = readJson(paths.egress) as EgressRecord | undefined
    this.#name = record?.program
    if (!record) return
    const isAlive = await session.client.request(clientFrames.signal, frameFields().u(record.handle).u(0)).then(
      () => true,
      () => false,
    )
    const tap = parseSubnet(record.subnet)
    if (!isAlive && tap) await this.#run({ program, tap, hasIpv6: existsSync('/proc/net/if_inet6') }, 0)
  }

  #isGone(): boolean {
    return this.#isClosed || this.#network.session.closed
  }
}
