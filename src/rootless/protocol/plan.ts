import type { PlanStep } from './describe-step.ts'
import { describeStep } from './describe-step.ts'
import { FieldWriter } from './fields.ts'
import type { FieldLetter, FieldValue, OperationArguments, OperationName } from './operations.ts'
import { operations } from './operations.ts'

/** Descriptors that a plan can hold. */
export const SLOTS = 512

/** Instead of a slot with a network namespace, for {@link Plan.socket}: the one that the helper is in. */
export const OWN_NETWORK = SLOTS

// Bytes of the plan of a container: half of them are the seccomp filter.
const TYPICAL_SIZE = 6144

/** The limit that means none, for {@link Plan.rlimit}. */
export const INFINITE_LIMIT = 2n ** 64n - 1n

/**
 * The kernel steps of one process, in order. Each method appends the step of that name in docs/protocol.md, which says what the
 * step does. Nothing happens until a keeper is given the plan.
 *
 * @example
 * const plan = new Plan().hostExec(['/bin/true'], [])
 * console.log(plan.describe()) // 0 hostExec argv=["/bin/true"] env=[]
 */
export class Plan {
  readonly #steps: PlanStep[] = []
  #slots = 0

  /** The steps so far; a failing step's index counts in this list. */
  get steps(): readonly PlanStep[] {
    return this.#steps
  }

  /** A slot that no earlier call gave, 0 to 511. Throws a RangeError when all are taken. */
  slot(): number {
    if (this.#slots === SLOTS) throw new RangeError(`Cannot take another slot: all ${SLOTS} of the plan are taken`)
    return this.#slots++
  }

  hostMkdir(path: string, mode: number): this {
    return this.#add('hostMkdir', path, mode)
  }

  hostWrite(path: string, mode: number, content: string | Uint8Array): this {
    return this.#add('hostWrite', path, mode, bytesOf(content))
  }

  /** @param flags 1 clone, 2 recursive, 4 refuse anything but a directory */
  openTree(slot: number, path: string, flags: number): this {
    return this.#add('openTree', slot, path, flags)
  }

  openFile(slot: number, path: string): this {
    return this.#add('openFile', slot, path)
  }

  takeFd(slot: number, token: number): this {
    return this.#add('takeFd', slot, token)
  }

  /** @param attributes MOUNT_ATTR_* bits */
  newMount(slot: number, type: string, options: readonly string[], attributes: number): this {
    return this.#add('newMount', slot, type, options, attributes)
  }

  /** @param lower directories, top first @param upper `''`: read-only */
  overlay(
    slot: number,
    lower: readonly string[],
    upper: string,
    work: string,
    options: readonly string[],
    attributes: number,
  ): this {
    return this.#add('overlay', slot, lower, upper, work, options, attributes)
  }

  setAttributes(slot: number, set: number, clear: number, recursive: boolean): this {
    return this.#add('setAttributes', slot, set, clear, Number(recursive))
  }

  /** @param type f_type of statfs @param timeout ms */
  waitMount(path: string, type: number, timeout: number): this {
    return this.#add('waitMount', path, type, timeout)
  }

  enterRoot(slot: number): this {
    return this.#add('enterRoot', slot)
  }

  /** @param flags 1 create a directory, 2 create a file, 4 the target may not be a symlink, 8 skip when it is missing */
  attach(slot: number, target: string, flags: number): this {
    return this.#add('attach', slot, target, flags)
  }

  subtree(slot: number, from: number, name: string, mode: number): this {
    return this.#add('subtree', slot, from, name, mode)
  }

  mask(nullSlot: number, emptySlot: number, paths: readonly string[]): this {
    return this.#add('mask', nullSlot, emptySlot, paths)
  }

  readonly(paths: readonly string[]): this {
    return this.#add('readonly', paths)
  }

  mkdir(path: string, mode: number, uid: number, gid: number): this {
    return this.#add('mkdir', path, mode, uid, gid)
  }

  writeFile(path: string, mode: number, uid: number, gid: number, content: string | Uint8Array): this {
    return this.#add('writeFile', path, mode, uid, gid, bytesOf(content))
  }

  copyIn(slot: number, path: string, mode: number, uid: number, gid: number): this {
    return this.#add('copyIn', slot, path, mode, uid, gid)
  }

  symlink(content: string, path: string): this {
    return this.#add('symlink', content, path)
  }

  rootAttributes(set: number, clear: number): this {
    return this.#add('rootAttributes', set, clear)
  }

  hostname(name: string): this {
    return this.#add('hostname', name)
  }

  /** @param places where numbers of slots' descriptors go: `u32` offset, `u32` slot each */
  netlink(messages: Uint8Array, places: Uint8Array = new Uint8Array()): this {
    return this.#add('netlink', messages, places)
  }

  /** @param handle of a running process, 0: the namespace that this one is in at that moment */
  networkOf(slot: number, handle: number): this {
    return this.#add('networkOf', slot, handle)
  }

  /** Lets others join the network namespace of this helper: {@link Plan.networkOf} with its handle. */
  offerNetwork(): this {
    return this.#add('offerNetwork')
  }

  /** An interface that a program serves; it stays when that ends. @param index no other interface has */
  tap(name: string, index: number): this {
    return this.#add('tap', name, index)
  }

  /** What connects to the address in here reaches that port of the host's loopback. @param port TCP, 1 to 65535 */
  hostGate(address: string, port: number): this {
    return this.#add('hostGate', address, port)
  }

  /** @param batch messages of nfnetlink, from the batch's begin to its end */
  netfilter(batch: Uint8Array): this {
    return this.#add('netfilter', batch)
  }

  /**
   * Makes a network namespace a file, the only one of the directory that it covers, for this helper and the program that it executes.
   *
   * @param slot of {@link Plan.networkOf}
   * @param path in a directory that is there
   */
  showNetwork(slot: number, path: string): this {
    return this.#add('showNetwork', slot, path)
  }

  /** From another namespace there is no way back to the host's. @param slot of {@link Plan.networkOf} */
  joinNetwork(slot: number): this {
    return this.#add('joinNetwork', slot)
  }

  /** @param path below /proc/sys */
  sysctl(path: string, value: string): this {
    return this.#add('sysctl', path, value)
  }

  /** @param namespaces CLONE_NEW* bits to unshare afterwards */
  nestUser(uidMap: string, gidMap: string, namespaces: number): this {
    return this.#add('nestUser', uidMap, gidMap, namespaces)
  }

  /** @param resource RLIMIT_* number; {@link INFINITE_LIMIT} is no limit */
  rlimit(resource: number, soft: number | bigint, hard: number | bigint): this {
    return this.#add('rlimit', resource, soft, hard)
  }

  umask(mask: number): this {
    return this.#add('umask', mask)
  }

  tty(rows: number, columns: number, console: boolean): this {
    return this.#add('tty', rows, columns, Number(console))
  }

  chdir(path: string): this {
    return this.#add('chdir', path)
  }

  /**
   * @param user `''` (stay root), a number or a name @param group `''` (the user's own), a number or a name
   * @param bounding, permitted, ambient capability masks
   */
  credentials(
    user: string,
    group: string,
    groups: readonly string[],
    bounding: number | bigint,
    permitted: number | bigint,
    ambient: number | bigint,
  ): this {
    return this.#add('credentials', user, group, groups, bounding, permitted, ambient)
  }

  noNewPrivs(): this {
    return this.#add('noNewPrivs')
  }

  /** @param filter `struct sock_filter[]` */
  seccomp(filter: Uint8Array): this {
    return this.#add('seccomp', filter)
  }

  /** @param flags 1: with a reaping pid 1 */
  exec(argv: readonly string[], env: readonly string[], flags: number): this {
    return this.#add('exec', argv, env, flags)
  }

  /** @param slot of a descriptor that the program inherits as number 3. Default: none */
  hostExec(argv: readonly string[], env: readonly string[], slot = SLOTS): this {
    return this.#add('hostExec', argv, env, slot)
  }

  unmount(path: string): this {
    return this.#add('unmount', path)
  }

  probeOverlay(directory: string): this {
    return this.#add('probeOverlay', directory)
  }

  scanOwners(directory: string, most: number): this {
    return this.#add('scanOwners', directory, most)
  }

  /** @param flags 1: on disk before and after */
  hostRename(from: string, to: string, flags: number): this {
    return this.#add('hostRename', from, to, flags)
  }

  hostRemove(path: string): this {
    return this.#add('hostRemove', path)
  }

  /** @param flags 1 shared, 2 do not wait */
  lock(path: string, flags: number): this {
    return this.#add('lock', path, flags)
  }

  /** @param path of a socket in the session directory */
  listen(slot: number, path: string): this {
    return this.#add('listen', slot, path)
  }

  /** Serves the protocol of docs/files.md to the first who connects. @param slot of {@link Plan.listen} */
  files(slot: number): this {
    return this.#add('files', slot)
  }

  /**
   * A socket in a network namespace, for gates.
   *
   * @param network slot of the namespace's descriptor, or {@link OWN_NETWORK} @param address IPv4 or IPv6 @param port 1 to 65535
   */
  socket(slot: number, network: number, protocol: 'tcp' | 'udp', address: string, port: number): this {
    return this.#add('socket', slot, network, protocol === 'udp' ? 1 : 0, address, port)
  }

  /**
   * What arrives at the socket goes to the target, from the helper's own network namespace. Several gates of one slot, at most 8, are
   * tried in order.
   *
   * @param slot of {@link Plan.socket} @param target IP address, or absolute path of a Unix stream socket: then datagrams are framed
   * @param port 0 for a path
   */
  gate(slot: number, target: string, port: number): this {
    return this.#add('gate', slot, target, port)
  }

  /** Serves the gates: the last step. */
  forward(): this {
    return this.#add('forward', 0)
  }

  /** The plan as the keeper reads it. Throws a TypeError for text with a NUL, a RangeError for a number out of range. */
  encode(): Buffer {
    const writer = new FieldWriter(0, TYPICAL_SIZE).u32(this.#steps.length)
    for (const step of this.#steps) encodeStep(writer, step)
    return writer.finish()
  }

  /** One step by its index, in one line; undefined when there is none. */
  describeStep(index: number): string | undefined {
    const step = this.#steps[index]
    return step && describeStep(step)
  }

  /** One line per step, each after its index: for printing and comparing. */
  describe(): string {
    return this.#steps.map((step, index) => `${index} ${describeStep(step)}`).join('\n')
  }

  toString(): string {
    return this.describe()
  }

  #add<Name extends OperationName>(name: Name, ...args: OperationArguments<Name>): this {
    this.#steps.push({ name, args })
    return this
  }
}

function encodeStep(writer: FieldWriter, step: PlanStep): void {
  const [number, fields] = operations[step.name]
  writer.u16(number).u16(0)
  const start = writer.u32(0).size
  for (let index = 0; index < fields.length; index++) {
    encodeField(writer, fields[index] as FieldLetter, step.args[index] as FieldValue)
  }
  writer.patchU32(start - 4, writer.size - start)
}

function encodeField(writer: FieldWriter, letter: FieldLetter, value: FieldValue): void {
  if (letter === 'u') writer.u(value as number | bigint)
  else if (letter === 's') writer.s(value as string)
  else if (letter === 'b') writer.b(value as Uint8Array)
  else writer.v(value as readonly string[])
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : content
}
