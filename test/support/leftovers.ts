import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ancestry, processesOnHost, withDescendants, type ProcessOnHost } from './processes.ts'

/** What was on the host when a test file began, and by which directory its processes are known. */
export interface HostSnapshot {
  stateDirectory: string
  mounts: ReadonlySet<string>
  listeners: ReadonlySet<string>
  descriptors: ReadonlySet<string>
  pids: ReadonlySet<number>
}

/** @see watchLeftovers */
export interface Leftovers {
  stateDirectory: string
  /** Throws an error that lists what is left, if something still is after two seconds. */
  assertNone(): Promise<void>
}

/**
 * Gives this test file a state directory of its own (AIRPLANT_STATE_DIR), by which its processes are told from those of
 * files that run beside it. Call it at the top, before a session starts; end the sessions before `assertNone`.
 *
 * @example
 * const left = watchLeftovers()
 * afterAll(() => left.assertNone())
 */
export function watchLeftovers(): Leftovers {
  const before = process.env['AIRPLANT_STATE_DIR']
  const stateDirectory = mkdtempSync(join(tmpdir(), 'airplant-state-'))
  process.env['AIRPLANT_STATE_DIR'] = stateDirectory
  const snapshot = snapshotOfHost()
  return {
    stateDirectory,
    async assertNone() {
      await checkNothingLeft(snapshot)
      rmSync(stateDirectory, { recursive: true, force: true })
      if (before === undefined) delete process.env['AIRPLANT_STATE_DIR']
      else process.env['AIRPLANT_STATE_DIR'] = before
    },
  }
}

/** What there is now. */
export function snapshotOfHost(): HostSnapshot {
  return {
    stateDirectory: stateDirectory(),
    mounts: new Set(mounts()),
    listeners: new Set(listeners().map(({ name }) => name)),
    descriptors: new Set(ownNamespaceDescriptors()),
    pids: new Set(processesOnHost().map(({ pid }) => pid)),
  }
}

/** Throws when something is there that was not before and that is this file's; it may take `patience` ms to go. */
export async function checkNothingLeft(before: HostSnapshot, patience = 2000): Promise<void> {
  const deadline = performance.now() + patience
  let left = leftSince(before)
  while (left.length > 0 && performance.now() < deadline) {
    await delay(25)
    left = leftSince(before)
  }
  if (left.length > 0) throw new Error(`Left after ${patience} ms:\n${left.join('\n')}`)
}

function leftSince(before: HostSnapshot): string[] {
  const all = processesOnHost()
  const ours = ourProcesses(before, all)
  return [
    ...ours.map(({ pid, command, namespaces }) => `process ${pid}: ${command} ${namespaces.join(' ')}`),
    ...mounts()
      .filter((mount) => !before.mounts.has(mount))
      .map((mount) => `mount: ${mount}`),
    ...ownNamespaceDescriptors()
      .filter((descriptor) => !before.descriptors.has(descriptor))
      .map((descriptor) => `descriptor of the test process: ${descriptor}`),
    ...listeners()
      .filter(({ name, inode }) => !before.listeners.has(name) && isOurs(inode, ours, all))
      .map(({ name }) => `listener: ${name}`),
    ...entries(join(before.stateDirectory, 'sessions')).map((path) => `directory: ${path}`),
  ]
}

/** Known by the directory, or descended from one that is; and those in foreign namespaces whom nobody owns any more. */
function ourProcesses(before: HostSnapshot, all: readonly ProcessOnHost[]): ProcessOnHost[] {
  const self = new Set(ancestry(process.pid, all).map(({ pid }) => pid))
  const known = all.filter(
    ({ pid, command, environment }) => !self.has(pid) && `${command}\n${environment}`.includes(before.stateDirectory),
  )
  const home = all.find(({ pid }) => pid === process.pid)?.namespaces ?? []
  const strays = all.filter(
    (each) => !before.pids.has(each.pid) && each.parent === 1 && isForeign(each, home) && !isAnotherFiles(each),
  )
  return withDescendants([...known, ...strays], all)
}

/** In a user namespace beside ours, so probably a container whose keeper is gone. */
function isForeign({ namespaces }: ProcessOnHost, home: readonly string[]): boolean {
  return namespaces.some((namespace) => namespace.startsWith('user:') && !home.includes(namespace))
}

/** A keeper of a file that runs beside this one: it has its session directory among its arguments. */
function isAnotherFiles({ command }: ProcessOnHost): boolean {
  return command.includes('/sessions/')
}

/** Held by one of our processes or this one; or by nobody who can be seen, when no other file's keeper could be it. */
function isOurs(inode: string, ours: readonly ProcessOnHost[], all: readonly ProcessOnHost[]): boolean {
  const holders = all.filter(({ descriptors }) => descriptors.includes(`socket:[${inode}]`))
  if (holders.length > 0) return holders.some((holder) => holder.pid === process.pid || ours.includes(holder))
  return !all.some((each) => isAnotherFiles(each) && each.descriptors.length === 0 && !ours.includes(each))
}

/** TCP sockets that listen on loopback and may be this user's. */
function listeners(): { name: string; inode: string }[] {
  return ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/self/net/${family}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = '', , state, , , , uid]) => state === '0A' && mayBeOurs(Number(uid)) && isLoopback(local))
      .map(([, local = '', , , , , , , , inode = '']) => ({ name: `${family} ${readable(local)}`, inode })),
  )
}

/** Real root's keepers run as subordinate IDs; root sees who holds a socket anyway. */
function mayBeOurs(uid: number): boolean {
  return uid === process.getuid?.() || process.getuid?.() === 0
}

/** The kernel prints each 32-bit word of an address in the machine's byte order. */
function isLoopback(local: string): boolean {
  return /^([0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F):/.test(local)
}

function readable(local: string): string {
  const [address = '', port = ''] = local.split(':')
  return `${address.length === 8 ? '127.0.0.1' : '::1'} port ${parseInt(port, 16)}`
}

/** Other software's own mounts come and go on a desktop. */
function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !/ \/(run\/(user|credentials|docker)|var\/lib\/docker|snap)\//.test(line))
}

/** Namespaces that this process keeps alive by an open descriptor. */
function ownNamespaceDescriptors(): string[] {
  const self = processesOnHost().find(({ pid }) => pid === process.pid)
  return (self?.descriptors ?? []).filter((target) => /^(mnt|net|pid|user|ipc|uts|cgroup):\[/.test(target))
}

function stateDirectory(): string {
  const { AIRPLANT_STATE_DIR, XDG_STATE_HOME } = process.env
  return AIRPLANT_STATE_DIR ?? join(XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'airplant')
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name))
  } catch {
    return []
  }
}
