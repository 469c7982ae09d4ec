import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { AirplantError, isAirplantError } from '../errors.ts'
import { explainBoot, readNamespaceSwitches } from './boot-error.ts'
import { Broker } from './broker.ts'
import { clearTimer, setTimer } from './clock.ts'
import { connectKeeper } from './connect-keeper.ts'
import type { IdMapping, IdMode } from './ids/id-mapping.ts'
import { readIdMapping } from './ids/read-id-mapping.ts'
import { resolveKeeper } from './keeper-binary.ts'
import type { KeeperHello } from './keeper-client.ts'
import { KeeperClient } from './keeper-client.ts'
import type { KeeperChild } from './start-keeper.ts'
import { startKeeper } from './start-keeper.ts'
import { prepareSessions, stateDirectory } from './state-directory.ts'
import { StepError } from './step-error.ts'

/** How long {@link Session} waits for a keeper that was told to end, in ms, before it is killed. */
const END_TIMEOUT = 5000

/** How long a keeper may take to boot, in ms: newuidmap asks name services that may be far away. */
const START_TIMEOUT = 15_000

/** What a session is started with. */
export interface SessionOptions {
  /**
   * Environment to read `AIRPLANT_STATE_DIR`, `AIRPLANT_KEEPER`, `AIRPLANT_IDS` and others from.
   *
   * @default process.env
   */
  readonly env?: NodeJS.ProcessEnv
}

/** What a session is joined with. */
export interface AttachOptions extends SessionOptions {
  /** The session lives at least as long as this connection. @default false */
  readonly lease?: boolean
}

interface SessionParts {
  readonly client: KeeperClient
  readonly hello: KeeperHello
  readonly mapping: IdMapping
  /** Undefined when the keeper is someone else's. */
  readonly child: KeeperChild | undefined
}

/**
 * A keeper, and all that depends on it: containers live as long as their session. It lives until it is disposed or this process
 * ends, however that happens. An open session does not keep Node alive.
 *
 * @example
 * await using session = await Session.start()
 * const process = await session.client.spawn({ kind: 'helper', plan: new Plan().hostExec(['/bin/true'], []) })
 */
export class Session implements AsyncDisposable {
  readonly client: KeeperClient
  /** The session directory. */
  readonly directory: string
  /** The keeper's private mounts, in its mount namespace only. */
  readonly work: string
  readonly mapping: IdMapping
  readonly stateDirectory: string
  /** Opens sources that only real root can; undefined for everybody else. */
  readonly broker: Broker | undefined
  /** The keeper's pid as this process sees it. */
  readonly keeperPid: number
  readonly #child: KeeperChild | undefined
  readonly #kept = new Map<string, object>()
  #isShared = false
  #disposal: Promise<void> | undefined

  private constructor(parts: SessionParts) {
    this.client = parts.client
    this.directory = parts.hello.directory
    this.work = parts.hello.work
    this.keeperPid = parts.hello.keeperPid
    this.mapping = parts.mapping
    this.stateDirectory = dirname(dirname(parts.hello.directory))
    this.#child = parts.child
    this.broker = parts.child?.broker && new Broker(parts.child.broker)
  }

  /**
   * Starts a keeper.
   *
   * @throws {AirplantError} `ERR_NO_USER_NAMESPACES`, `ERR_ID_MAPPING`, `ERR_KEEPER_MISSING`, `ERR_INVALID_OPTION` (state directory),
   *   `ERR_STEP_FAILED` (anything else on the way), `ERR_UNSUPPORTED_PLATFORM`
   */
  static async start(options: SessionOptions = {}): Promise<Session> {
    const env = options.env ?? process.env
    const resolved = resolveKeeper(env)
    const program = typeof resolved === 'string' ? resolved : await resolved
    const mapping = readIdMapping(idMode(env), env)
    const sessions = prepareSessions(stateDirectory(env), mapping.rootUid)
    const child = startKeeper(program, join(sessions, randomBytes(6).toString('hex')), mapping)
    const client = new KeeperClient(child.socket, { describeEnd: () => child.describeEnd() })
    const timer = setTimer(() => child.kill(), START_TIMEOUT)
    try {
      return new Session({ client, hello: await client.hello({ lease: true }), mapping, child })
    } catch (error) {
      throw await explainStart(error, client, child)
    } finally {
      clearTimer(timer)
    }
  }

  /**
   * Joins the session that someone else started. Disposing closes only the connection, with what was spawned over it.
   *
   * @throws {AirplantError} `ERR_KEEPER_GONE` when it has ended
   */
  static async attach(directory: string, options: AttachOptions = {}): Promise<Session> {
    const { env = process.env, lease = false } = options
    const client = new KeeperClient(await connectKeeper(directory))
    try {
      const mapping = readIdMapping(idMode(env), env)
      return new Session({ client, hello: await client.hello({ lease }), mapping, child: undefined })
    } catch (error) {
      client.close()
      throw error
    }
  }

  /** What the layers above keep per session: made at the first call, the same object at every later one. */
  once<T extends object>(key: string, make: () => T): T {
    const known = this.#kept.get(key) as T | undefined
    if (known) return known
    const made = make()
    this.#kept.set(key, made)
    return made
  }

  /** From now on others may live in it: disposing closes only the connection, and the keeper ends with its last lease. */
  share(): void {
    this.#isShared = true
  }

  /** Whether the keeper is gone, or going. */
  get closed(): boolean {
    return this.client.closed || this.#disposal !== undefined
  }

  /** Ends the keeper with everything in it, and waits until that was done. One that is to linger loses only this lease. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#end()
    return this.#disposal
  }

  async #end(): Promise<void> {
    const child = this.#child
    if (child && !this.#isShared) {
      // The keeper may end before its answer has left: then it did what was asked.
      const lingers = this.client.shutdown().then(() => false, isBusy)
      await waitForEnd(child, END_TIMEOUT, lingers)
    }
    this.client.close()
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof StepError && error.errnoName === 'EBUSY'
}

/** @param lingers whether it will not end */
async function waitForEnd(child: KeeperChild, timeout: number, lingers = Promise.resolve(false)): Promise<void> {
  child.ref()
  const timer = setTimer(() => child.kill(), timeout)
  await Promise.race([child.closed, lingers.then((does) => (does ? undefined : child.closed))])
  clearTimer(timer)
  child.unref()
}

async function explainStart(error: unknown, client: KeeperClient, child: KeeperChild): Promise<Error> {
  const isGone = isAirplantError(error) && error.code === 'ERR_KEEPER_GONE'
  const isStep = error instanceof StepError
  if (!isGone && !isStep) child.kill()
  client.close()
  await waitForEnd(child, 1000)
  if (isStep) return explainBoot(error, child.lastWords(), readNamespaceSwitches())
  if (!isGone) return error as Error
  return new AirplantError({
    code: 'ERR_STEP_FAILED',
    phase: 'session',
    message: `Cannot start the keeper: it ended at once (${child.describeEnd() ?? 'no reason known'})`,
    hint: 'Run "airplant doctor"',
    cause: error,
  })
}

function idMode(env: NodeJS.ProcessEnv): IdMode {
  const mode = env.AIRPLANT_IDS || 'auto'
  if (mode === 'auto' || mode === 'subordinate' || mode === 'single') return mode
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'session',
    message: `Cannot use AIRPLANT_IDS "${mode}"`,
    hint: 'Set it to "auto", "subordinate" or "single", or unset it',
  })
}
