/**
 * Every code an {@link AirplantError} can carry. The first group is the user's to mend, the second the machine's, the third ours.
 */
export type ErrorCode =
  // An option has a wrong type or value.
  | 'ERR_INVALID_OPTION'
  // The program to run is not in the container, not executable, or its interpreter is missing.
  | 'ERR_COMMAND_NOT_FOUND'
  | 'ERR_COMMAND_NOT_EXECUTABLE'
  | 'ERR_INTERPRETER_MISSING'
  // The user or group is not in the root's /etc/passwd or /etc/group.
  | 'ERR_UNKNOWN_USER'
  // The working directory does not exist in the container.
  | 'ERR_WORKDIR_MISSING'
  // The source of a bind mount, a file to place, or the root directory does not exist or cannot be read.
  | 'ERR_SOURCE_MISSING'
  // The root's /proc, /dev or /sys is a link or no directory.
  | 'ERR_UNSAFE_ROOT'
  // Files of the root belong to IDs outside the mapping.
  | 'ERR_UNMAPPED_OWNER'
  // The host port is taken or not allowed.
  | 'ERR_PORT_UNAVAILABLE'
  // No network of that name, or the container is not on it.
  | 'ERR_NETWORK_NOT_FOUND'
  // The subnet is the host's or another network's, or none is left.
  | 'ERR_SUBNET_CLASH'
  // An address in a network is somebody's, not for containers, or none is left.
  | 'ERR_ADDRESS_UNAVAILABLE'
  // Another network, or another container of the network, has the name.
  | 'ERR_NAME_TAKEN'
  // Nothing here can connect containers to other machines, or the network forbids it.
  | 'ERR_EGRESS_UNAVAILABLE'
  // A port was asked for that is not published.
  | 'ERR_PORT_NOT_PUBLISHED'
  // A wait did not come true in time.
  | 'ERR_WAIT_TIMEOUT'
  // The container's health check failed too often.
  | 'ERR_UNHEALTHY'
  // The container's process ended while it was waited for.
  | 'ERR_CONTAINER_EXITED'
  // The call needs a running container.
  | 'ERR_NOT_RUNNING'
  // A prepare function threw, took too long, or left a service that does not stop cleanly.
  | 'ERR_PREPARE_FAILED'
  // The service of a preset cannot do that.
  | 'ERR_NOT_SUPPORTED'
  // The service of a preset did not do what its checkpoint, reset or isolation needs.
  | 'ERR_RESET_FAILED'
  // An exec took longer than its timeout.
  | 'ERR_EXEC_TIMEOUT'
  // A path in the container, image or volume does not exist, or is no directory where one is needed.
  | 'ERR_PATH_MISSING'
  // A file of a container cannot be read, written or owned as asked.
  | 'ERR_FILE_FAILED'
  // Not an image reference.
  | 'ERR_INVALID_REFERENCE'
  // Neither the store nor a registry has the image, or the policy forbids to look there.
  | 'ERR_IMAGE_NOT_FOUND'
  // The image is not made for this processor.
  | 'ERR_PLATFORM_MISSING'
  // The registry wants (other) credentials, or a credential helper failed.
  | 'ERR_REGISTRY_AUTH'
  | 'ERR_CREDENTIAL_HELPER'
  // No registry that could have the image was reached.
  | 'ERR_REGISTRY_UNREACHABLE'
  // The registry asks to come back later, and we did often enough.
  | 'ERR_RATE_LIMITED'
  // The registry's answer breaks the protocol, or is an error that has no code here.
  | 'ERR_REGISTRY_ANSWER'
  // Bytes are not those that their digest or size promised.
  | 'ERR_DIGEST_MISMATCH'
  // A manifest, index or configuration that is malformed, or of an unknown kind.
  | 'ERR_INVALID_IMAGE'
  // An archive that is cut short or malformed.
  | 'ERR_INVALID_ARCHIVE'
  // An archive with an entry that would leave its target.
  | 'ERR_UNSAFE_ARCHIVE'
  // An archive over the limits on size, ratio or number of entries.
  | 'ERR_ARCHIVE_LIMIT'
  // The store was made by a newer version, or is damaged.
  | 'ERR_STORE'
  // An image, layer or volume is in use.
  | 'ERR_IN_USE'
  | 'ERR_VOLUME_NOT_FOUND'
  // No running or kept container of that name or ID.
  | 'ERR_CONTAINER_NOT_FOUND'
  // The caller's AbortSignal fired.
  | 'ERR_ABORTED'
  // User namespaces are missing or forbidden here.
  | 'ERR_NO_USER_NAMESPACES'
  // newuidmap or newgidmap refused the mapping.
  | 'ERR_ID_MAPPING'
  // The storage driver asked for does not work here.
  | 'ERR_STORAGE_DRIVER'
  // The file system of the upper directory is full.
  | 'ERR_DISK_FULL'
  // No keeper binary and no compiler.
  | 'ERR_KEEPER_MISSING'
  // Not Linux, or an unknown processor.
  | 'ERR_UNSUPPORTED_PLATFORM'
  // The keeper died or closed the connection.
  | 'ERR_KEEPER_GONE'
  // A step of a plan failed in a way that has no code of its own.
  | 'ERR_STEP_FAILED'

/** What was being done when it failed. */
export type Phase =
  | 'pull'
  | 'push'
  | 'unpack'
  | 'store'
  | 'copy'
  | 'commit'
  | 'create'
  | 'start'
  | 'wait'
  | 'prepare'
  | 'exec'
  | 'stop'
  | 'session'

/** What the time of a start is spent on, in its order. */
export type TimedPhase = 'session' | 'pull' | 'prepare' | 'create' | 'start' | 'wait'

/** What {@link AirplantError} is made from. */
export interface AirplantErrorInit {
  code: ErrorCode
  message: string
  phase?: Phase | undefined
  /** What to do about it; a sentence without a final period. */
  hint?: string | undefined
  cause?: unknown
  /** Image or root directory of the container in question. */
  image?: string | undefined
  /** ID of the container in question. */
  container?: string | undefined
  /** Its name, if it has one. */
  containerName?: string | undefined
  /** Milliseconds from the call's first instruction. */
  elapsed?: number | undefined
  /** Milliseconds that the phases of a start took up to the failure; those that it did not come to are missing. */
  phases?: { readonly [P in TimedPhase]?: number } | undefined
  exitCode?: number | null | undefined
  signal?: string | null | undefined
  /** Whether the kernel killed processes of the container for want of memory; undefined when nothing here counts them. */
  outOfMemory?: boolean | undefined
  /** What each probe saw, oldest first. */
  probes?: readonly string[] | undefined
  /** The last lines that the container wrote. */
  logTail?: string | undefined
  /** errno name of the failing kernel step, `'ENOENT'`. */
  errno?: string | undefined
  /** Name of the failing step of the plan. */
  step?: string | undefined
  /** Path, address or kernel message that the step named. */
  detail?: string | undefined
}

const brand = Symbol.for('airplant.error')

/**
 * The one error class. `code` says what happened, `phase` when, `hint` what to do; the message ends with the hint.
 *
 * @example
 * try {
 *   await withContainer({ image: 'host', command: ['no-such-program'] })
 * } catch (error) {
 *   if (isAirplantError(error) && error.code === 'ERR_COMMAND_NOT_FOUND') console.log(error.hint)
 * }
 */
export class AirplantError extends Error {
  readonly code: ErrorCode
  readonly phase: Phase | undefined
  readonly hint: string | undefined
  readonly image: string | undefined
  readonly container: string | undefined
  readonly containerName: string | undefined
  readonly elapsed: number | undefined
  readonly phases: AirplantErrorInit['phases']
  readonly exitCode: number | null | undefined
  readonly signal: string | null | undefined
  readonly outOfMemory: boolean | undefined
  readonly probes: readonly string[] | undefined
  readonly logTail: string | undefined
  readonly errno: string | undefined
  readonly step: string | undefined
  readonly detail: string | undefined
  readonly #init: AirplantErrorInit

  constructor(init: AirplantErrorInit) {
    super(describe(init), init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code
    this.phase = init.phase
    this.hint = init.hint
    this.image = init.image
    this.container = init.container
    this.containerName = init.containerName
    this.elapsed = init.elapsed
    this.phases = init.phases
    this.exitCode = init.exitCode
    this.signal = init.signal
    this.outOfMemory = init.outOfMemory
    this.probes = init.probes
    this.logTail = init.logTail
    this.errno = init.errno
    this.step = init.step
    this.detail = init.detail
    this.#init = init
    Object.defineProperty(this, brand, { value: true })
  }

  /**
   * The same error with more, or something else, to say; its stack is where the first one was made.
   *
   * @example
   * throw error.extended({ hint: 'It is kept for a minute: airplant logs db' })
   */
  extended(more: Partial<AirplantErrorInit>): AirplantError {
    // Who passed it on may have changed its fields, and the first part of its message.
    const rest = describe(this.#init).slice(harmless(this.#init.message).length)
    const message = this.message.slice(0, this.message.endsWith(rest) ? this.message.length - rest.length : undefined)
    const fields = Object.fromEntries(Object.entries(this)) as Partial<AirplantErrorInit>
    const error = new AirplantError({ ...this.#init, ...fields, message, ...more })
    const frames = this.stack?.slice(this.stack.lastIndexOf(this.message) + this.message.length)
    if (frames !== undefined) error.stack = `${error.name}: ${error.message}${frames}`
    return error
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'AirplantError', writable: true, configurable: true })
  }
}

/** Whether it is an {@link AirplantError}, also one of another realm or another copy of the package. */
export function isAirplantError(error: unknown): error is AirplantError {
  return typeof error === 'object' && error !== null && brand in error
}

function describe(init: AirplantErrorInit): string {
  const parts = [harmless(init.message)]
  if (init.probes?.length) parts.push(`Probes: ${harmless(init.probes.join('; '))}`)
  if (init.logTail) parts.push(`Last output:\n${init.logTail.trimEnd().replace(/^/gm, '  | ')}`)
  const times = describePhases(init.phases ?? {})
  if (times !== '') parts.push(`Time: ${times}`)
  if (init.hint) parts.push(`Hint: ${harmless(init.hint)}`)
  return parts.join('\n')
}

const timedPhases: readonly TimedPhase[] = ['session', 'pull', 'prepare', 'create', 'start', 'wait']

function describePhases(phases: NonNullable<AirplantErrorInit['phases']>): string {
  // What took no time is no news.
  const known = timedPhases.flatMap((phase) => (Math.round(phases[phase] ?? 0) > 0 ? [[phase, phases[phase]!]] : []))
  return known.map(([phase, ms]) => `${phase} ${describeTime(Number(ms))}`).join(', ')
}

function describeTime(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  return `${ms < 9950 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`
}

// Registries, archives and files of containers have their names and words in messages: a terminal must obey none of them.
function harmless(text: string): string {
  return text.replace(/(?!\n)[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
