import { readFileSync } from 'node:fs'
import { clearTimer, setTimer } from '../../rootless/clock.ts'
import type { KeeperProcess } from '../../rootless/keeper-client.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import { signalName } from '../../rootless/signals.ts'
import type { Subnet } from '../addresses/subnet.ts'
import type { Network } from '../network.ts'
import { egressCommand } from './egress-program.ts'
import type { EgressProgram } from './egress-program.ts'

/** How long a container's start waits for the program, in ms; it goes on without, and its first packets are sent again. */
const MOST_WAIT = 50

/** What its last words are cut to, in characters. */
const MOST_WORDS = 2000

const RLIMIT_NOFILE = 7

/** What the program is started with. */
export interface EgressSettings {
  readonly program: EgressProgram
  readonly tap: Subnet
  readonly hasIpv6: boolean
}

/** slirp4netns or pasta, as a process of the keeper's that outlives its connection. */
export class EgressProcess {
  /** Resolves when it serves, ended, or took too long; never rejects. */
  readonly ready: Promise<void>
  /** How it ended and what it said; undefined when the keeper is gone. */
  readonly ended: Promise<string | undefined>
  readonly handle: number
  readonly #process: KeeperProcess
  #words = ''

  private constructor(process: KeeperProcess, { program }: EgressSettings) {
    this.#process = process
    this.handle = process.handle
    process.onData('stderr', (chunk) => (this.#words = (this.#words + chunk.toString()).slice(-MOST_WORDS)))
    this.ready = readiness(process, program)
    void this.ready.then(() => process.unref())
    this.ended = process.exited.then(
      ({ exitCode, signal }) => {
        const end = signal === null ? `exit code ${exitCode}` : (signalName(signal) ?? `signal ${signal}`)
        const said = this.#words.split('\n').filter((line) => line !== '' && !line.startsWith('WARNING:'))
        return [end, ...said.slice(-1)].join(': ')
      },
      () => undefined,
    )
  }

  /** @throws {StepError} when it cannot be executed */
  static async start(network: Network, settings: EgressSettings): Promise<EgressProcess> {
    const { session, handle, name } = network
    const plan = new Plan()
    const slot = plan.slot()
    // Each flow of UDP holds a descriptor for minutes.
    const most = hardLimit()
    plan.rlimit(RLIMIT_NOFILE, most, most)
    plan.networkOf(slot, handle).hostExec(egressCommand(settings.program, settings.tap, settings.hasIpv6), [], slot)
    const id = `egress of network ${name}`
    const process = await session.client.spawn({ kind: 'helper', id, attached: true, lasting: true, plan })
    return new EgressProcess(process, settings)
  }

  async remove(): Promise<void> {
    await this.#process.remove()
  }
}

/** slirp4netns says that it serves by a 1, after its warnings; pasta by its pid. */
function readiness(process: KeeperProcess, { name }: EgressProgram): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimer(resolve, MOST_WAIT)
    const done = (): void => {
      clearTimer(timer)
      resolve()
    }
    process.onData('stdout', (chunk) => {
      if (name === 'pasta' || chunk.toString('latin1').trimEnd().endsWith('1')) done()
    })
    process.exited.then(done, done)
  })
}

/** The most open files that a process of ours may ask for (proc(5)). */
function hardLimit(): number {
  const [, hard = '1024'] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
  return Number(hard)
}
