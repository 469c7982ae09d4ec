import { constants } from 'node:os'
import { clientFrames, frameFields } from '../../rootless/protocol/frames.ts'
import { StepError } from '../../rootless/step-error.ts'
import { chooseSubnet } from '../addresses/choose-subnet.ts'
import { readHostRoutes } from '../addresses/host-routes.ts'
import { formatSubnet } from '../addresses/subnet.ts'
import type { Network } from '../network.ts'
import { explainEgress, programEnded } from './egress-error.ts'
import { findKernelParts, planEgress } from './egress-plan.ts'
import { findEgressProgram } from './egress-program.ts'
import type { EgressProgram } from './egress-program.ts'
import { abandonEgress, claimEgress, writeEgress } from './egress-record.ts'
import type { EgressRecord } from './egress-record.ts'
import { EgressService } from './egress-service.ts'

type ProgramName = EgressProgram['name']

/**
 * The way out of one network: a program outside that serves a tap inside, started when the first container needs it, by the process of the
 * session that makes that container. When that process is gone and the program, too, the next one takes its place.
 */
export class Egress {
  readonly #network: Network
  #opening: Promise<ProgramName> | undefined
  #service: EgressService | undefined

  constructor(network: Network) {
    this.#network = network
  }

  /**
   * Resolves when the way is open, or will be in a moment.
   *
   * @param wanted forces a program
   * @throws {AirplantError} `ERR_EGRESS_UNAVAILABLE`
   */
  async open(wanted: ProgramName | undefined, env: NodeJS.ProcessEnv): Promise<void> {
    const program = await (this.#opening ?? this.#service?.running ?? this.#openOnce(wanted, env))
    if (wanted !== undefined && program !== wanted) throw programEnded.other(this.#network, program, wanted)
  }

  /** Ends the program, which keeps the network's namespace. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    await this.#service?.close()
  }

  #openOnce(wanted: ProgramName | undefined, env: NodeJS.ProcessEnv): Promise<ProgramName> {
    this.#opening = this.#start(findEgressProgram(wanted, env)).finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #start(program: EgressProgram): Promise<ProgramName> {
    const { egress } = this.#network.paths
    const { isOurs, record } = await claimEgress(egress, program.name, (handle) => this.#isRunning(handle))
    if (!isOurs) return record.program
    try {
      this.#service = new EgressService(this.#network, program, await this.#prepare(record))
      await this.#service.start()
    } catch (error) {
      abandonEgress(egress)
      throw explainEgress(error, this.#network)
    }
    return program.name
  }

  /** Makes the tap and the rules, unless somebody did before. */
  async #prepare(record: EgressRecord): Promise<EgressRecord> {
    if (record.subnet !== undefined) return record
    const { name, subnets, handle, session, paths } = this.#network
    const tap = chooseSubnet(readHostRoutes(), [{ name, subnet: subnets.subnet }])
    const helper = await session.client.spawn({ kind: 'helper', plan: planEgress(handle, tap, findKernelParts()) })
    await helper.wait()
    const prepared = { ...record, subnet: formatSubnet(tap) }
    writeEgress(paths.egress, prepared)
    return prepared
  }

  async #isRunning(handle: number): Promise<boolean> {
    try {
      // Signal 0 is none, but somebody has to be there.
      await this.#network.session.client.request(clientFrames.signal, frameFields().u(handle).u(0))
      return true
    } catch (error) {
      if (error instanceof StepError && error.errno === constants.errno.ESRCH) return false
      throw error
    }
  }
}
