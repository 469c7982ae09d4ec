import { readFileSync, writeFileSync } from 'node:fs'
import { clearTimer, now, setTimer } from '../../rootless/clock.ts'
import type { KeeperProcess } from '../../rootless/keeper-client.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import { signalName } from '../../rootless/signals.ts'
import { chooseSubnet } from '../addresses/choose-subnet.ts'
import { readHostRoutes } from '../addresses/host-routes.ts'
import { formatSubnet } from '../addresses/subnet.ts'
import type { Subnet } from '../addresses/subnet.ts'
import type { Network } from '../network.ts'
import { writeAtomically } from '../network-record.ts'
import { explainEgress, programEnded } from './egress-error.ts'
import { findKernelParts, planEgress } from './egress-plan.ts'
import { egressCommand, findEgressProgram } from './egress-program.ts'
import type { EgressProgram } from './egress-program.ts'

/** How long a container's start waits for the program, in ms; it goes on without, and its first packets are sent again. */
const MOST_WAIT = 50

/** Pauses before it is started again, in ms; one that lived for ten seconds begins at the first. */
const PAUSES = [0, 100, 500, 2000]
const STEADY = 10_000

/** The way out of one network: a program outside that serves a tap inside, started when the first container needs it. */
export class Egress {
  readonly #network: Network
  #opening: Promise<void> | undefined
  #process: KeeperProcess | undefined
  #program: EgressProgram | undefined
  #isClosed = false

  constructor(network: Network) {
    this.#network = network
  }

  /**
   * Resolves when the way is open, or will be in a moment.
   *
   * @param wanted forces a program
   * @throws {AirplantError} `ERR_EGRESS_UNAVAILABLE`
   */
  async open(wanted: EgressProgram['name'] | undefined, env: NodeJS.ProcessEnv): Promise<void> {
    if (!this.#opening) {
      const program = findEgressProgram(wanted, env)
      this.#opening = this.#start(program)
      this.#opening.catch(() => (this.#opening = undefined))
    }
    await this.#opening
    if (wanted !== undefined && this.#program && this.#program.name !== wanted) throw programEnded.other(this.#network, this.#program.name, wanted) // prettier-ignore
  }

  /** Ends the program, which keeps the network's namespace. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#opening?.catch(() => undefined)
    await this.#process?.remove()
  }

  async #start(program: EgressProgram): Promise<void> {
    const { paths, session, handle } = this.#network
    this.#program = program
    try {
      writeFileSync(paths.egress, '', { flag: 'wx', mode: 0o600 })
    } catch (error) {
      // Another process of the session opened it.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return this.#adopt()
      throw error
    }
    const parts = findKernelParts()
    const tap = chooseSubnet(readHostRoutes(), [{ name: this.#network.name, subnet: this.#network.subnets.subnet }])
    try {
      const helper = await session.client.spawn({ kind: 'helper', plan: planEgress(handle, tap, parts) })
      await helper.wait()
      await this.#run(program, tap, parts.hasIpv6, 0)
    } catch (error) {
      throw explainEgress(error, this.#network)
    }
  }

  async #run(program: EgressProgram, tap: Subnet, hasIpv6: boolean, tries: number): Promise<void> {
    const { session, handle, paths, name } = this.#network
    const plan = new Plan()
    const slot = plan.slot()
    // Each flow of UDP holds a descriptor for minutes.
    const most = hardLimit()
    plan.rlimit(RLIMIT_NOFILE, most, most)
    plan.networkOf(slot, handle).hostExec(egressCommand(program, tap, hasIpv6), [], slot)
    const began = now()
    const id = `egress of network ${name}`
    const process_ = await session.client.spawn({ kind: 'helper', id, attached: true, lasting: true, plan })
    this.#process = process_
    writeAtomically(
      paths.egress,
      JSON.stringify({ program: program.name, handle: process_.handle, subnet: formatSubnet(tap) }),
    )
    let words = ''
    process_.onData('stderr', (chunk) => (words = (words + chunk.toString()).slice(-2000)))
    const ready = readiness(process_, program)
    process_.exited.then(({ exitCode, signal }) => {
      if (this.#isClosed || session.closed) return
      const end = signal === null ? `exit code ${exitCode}` : (signalName(signal) ?? `signal ${signal}`)
      const pause = PAUSES[now() - began > STEADY ? 0 : tries]
      process.emitWarning(programEnded.message(program.name, name, end, words, pause !== undefined), {
        type: 'AirplantWarning',
        code: 'AIRPLANT_EGRESS',
      })
      if (pause === undefined) return
      const again = (): void => {
        if (this.#isClosed || session.closed) return
        this.#run(program, tap, hasIpv6, tries + 1).catch(() => undefined)
      }
      setTimer(again, pause).unref()
    }, ignore)
    await ready
    process_.unref()
  }

  #adopt(): void {
    const { paths } = this.#network
    const { program } = JSON.parse(readFileSync(paths.egress, 'utf8') || '{}') as { program?: EgressProgram['name'] }
    if (program !== undefined && this.#program) this.#program = { ...this.#program, name: program }
  }
}

/** When it says that it serves: slirp4netns by a 1 after its warnings, pasta by its pid. Its end is another's concern. */
function readiness(process_: KeeperProcess, { name }: EgressProgram): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimer(resolve, MOST_WAIT)
    const done = (): void => {
      clearTimer(timer)
      resolve()
    }
    process_.onData('stdout', (chunk) => {
      if (name === 'pasta' || chunk.toString('latin1').trimEnd().endsWith('1')) done()
    })
    process_.exited.then(done, done)
  })
}

const RLIMIT_NOFILE = 7

/** The most open files that a process of ours may ask for (proc(5)). */
function hardLimit(): number {
  const [, hard = '1024'] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
  return Number(hard)
}

function ignore(): void {
  // The keeper is gone, and everything with it.
}
