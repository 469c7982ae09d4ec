import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { clearTimer, now, setTimer } from '../../rootless/clock.ts'
import type { KeeperProcess, ProcessExit } from '../../rootless/keeper-client.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import { parseSubnet } from '../addresses/subnet.ts'
import type { Network } from '../network.ts'
import { programEnded } from './egress-error.ts'
import { findKernelParts } from './egress-plan.ts'
import { egressCommand, mayWritePid, SHOWN } from './egress-program.ts'
import type { EgressProgram } from './egress-program.ts'
import { abandonEgress, writeEgress } from './egress-record.ts'
import type { EgressRecord } from './egress-record.ts'

/** How long a container's start waits for the program, in ms; it goes on without, and its first packets are sent again. */
const MOST_WAIT = 50

/** Pauses before it is started again, in ms; after one that lived for ten seconds, the first. */
const PAUSES = [0, 100, 500, 2000]
/** Between looks at whether it wrote its pid, in ms. */
const LOOK_PAUSE = 2
const STEADY = 10_000

/** Runs the program that serves a network's tap, and runs it again when it was killed. */
export class EgressService {
  readonly #network: Network
  readonly #program: EgressProgram
  readonly #record: EgressRecord
  /** Where pasta says that it serves. */
  readonly #pidFile: string | undefined
  #process: KeeperProcess | undefined
  #starting: Promise<void> | undefined
  #isOver = false

  /** @param record says which subnet the network was prepared for */
  constructor(network: Network, program: EgressProgram, record: EgressRecord) {
    this.#network = network
    this.#program = program
    this.#record = record
    const pidFile = join(network.paths.root, 'egress.pid')
    this.#pidFile = program.name === 'pasta' && mayWritePid(pidFile) ? pidFile : undefined
  }

  /** The program, as long as it runs or will in a moment. */
  get running(): EgressProgram['name'] | undefined {
    return this.#isOver ? undefined : this.#program.name
  }

  /** Resolves when the program serves, or after a while: then it will. */
  async start(): Promise<void> {
    this.#starting = this.#run(0)
    await this.#starting
  }

  /** Ends the program, which keeps the network's namespace. */
  async close(): Promise<void> {
    this.#isOver = true
    await this.#starting?.catch(ignore)
    await this.#process?.remove()
  }

  async #run(tries: number): Promise<void> {
    const began = now()
    if (this.#pidFile !== undefined) rmSync(this.#pidFile, { force: true })
    const process_ = await this.#spawn()
    this.#process = process_
    let words = ''
    process_.onData('stderr', (chunk) => (words = (words + chunk.toString()).slice(-2000)))
    const ready = readiness(process_, this.#pidFile)
    const onEnd = (exit: ProcessExit): void => this.#goOn(exit, words, now() - began > STEADY ? 0 : tries)
    process_.exited.then(onEnd, ignore)
    await ready
    process_.unref()
  }

  async #spawn(): Promise<KeeperProcess> {
    const { session, handle, paths, name } = this.#network
    const command = egressCommand({
      program: this.#program,
      tap: parseSubnet(this.#record.subnet ?? '')!,
      hasIpv6: findKernelParts().hasIpv6,
      pidFile: this.#pidFile,
    })
    const plan = new Plan()
    const slot = plan.slot()
    // Each flow of UDP holds a descriptor for minutes.
    const most = hardLimit()
    plan.rlimit(RLIMIT_NOFILE, most, most)
    plan.networkOf(slot, handle)
    if (this.#program.name === 'pasta') plan.showNetwork(slot, SHOWN)
    plan.hostExec(command, [], slot)
    const id = `egress of network ${name}`
    const process_ = await session.client.spawn({ kind: 'helper', id, attached: true, lasting: true, plan })
    try {
      writeEgress(paths.egress, { ...this.#record, program: this.#program.name, handle: process_.handle })
    } catch (error) {
      // The network was removed meanwhile.
      await process_.remove()
      throw error
    }
    return process_
  }

  #goOn(exit: ProcessExit, words: string, tries: number): void {
    const { session, paths, name } = this.#network
    if (this.#isOver || session.closed || !existsSync(paths.egress)) return
    const pause = PAUSES[tries]
    const warning = { type: 'AirplantWarning', code: 'AIRPLANT_EGRESS' }
    process.emitWarning(programEnded.message(this.#program.name, name, exit, words, pause !== undefined), warning)
    this.#process?.remove().catch(ignore)
    if (pause === undefined) this.#giveUp()
    else setTimer(() => this.#runAgain(tries + 1), pause).unref()
  }

  #runAgain(tries: number): void {
    if (this.#isOver || this.#network.session.closed || !existsSync(this.#network.paths.egress)) return
    this.#starting = this.#run(tries)
    this.#starting.catch(() => this.#giveUp())
  }

  /** The next container that wants a way out begins anew. */
  #giveUp(): void {
    this.#isOver = true
    if (existsSync(this.#network.paths.egress)) abandonEgress(this.#network.paths.egress)
  }
}

/** When it says that it serves: slirp4netns by a 1 after its warnings, pasta by its pid in a file. Its end is another's concern. */
function readiness(process_: KeeperProcess, pidFile: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false
    const done = (): void => {
      isOver = true
      clearTimer(timer)
      resolve()
    }
    const timer = setTimer(done, MOST_WAIT)
    process_.exited.then(done, done)
    process_.onData('stdout', (chunk) => {
      if (chunk.toString('latin1').trimEnd().endsWith('1')) done()
    })
    const look = (path: string): void => {
      if (isOver) return
      if (statSync(path, { throwIfNoEntry: false })?.size) done()
      else setTimer(() => look(path), LOOK_PAUSE)
    }
    if (pidFile !== undefined) look(pidFile)
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
