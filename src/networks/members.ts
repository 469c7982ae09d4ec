import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
import type { Holder } from './addresses/claim-address.ts'
import { holderOf, holderText } from './addresses/claim-address.ts'
import type { HostsEntry } from './hosts-file.ts'
import { hostsSection, rewriteHosts } from './hosts-file.ts'
import type { NetworkPaths } from './network-record.ts'
import { entriesOf, writeAtomically } from './network-record.ts'

/** A container on a network that others find by a name. */
export interface NamedMember extends Holder {
  /** The container's own name, which no other member may have. */
  readonly name: string | undefined
  /** Names that several may share. */
  readonly aliases: readonly string[]
  readonly ip: string
  readonly ip6: string | undefined
}

/** What a container has of a network. */
export interface Claims {
  readonly container: string
  readonly addresses: readonly string[]
  readonly names: readonly string[]
}

/** The members of one network as its directory tells. Everybody in the session reads and changes it; nothing of it is trusted to be whole. */
export class Members {
  readonly #network: string
  readonly #paths: NetworkPaths
  readonly #session: string
  #known: { readonly changed: string; readonly members: readonly NamedMember[] } | undefined

  constructor(network: string, paths: NetworkPaths, session: string) {
    this.#network = network
    this.#paths = paths
    this.#session = session
  }

  /**
   * Makes a member findable.
   *
   * @throws {AirplantError} `ERR_NAME_TAKEN`
   */
  add(member: NamedMember): void {
    const { name, container, pid, number } = member
    if (name !== undefined) this.#claimName(name, { container, pid, number })
    writeAtomically(join(this.#paths.members, container), JSON.stringify(member))
    this.#tellOthers(container)
  }

  /** Forgets a container, with its names and addresses. */
  remove({ container, addresses, names }: Claims): void {
    for (const address of addresses) rmSync(join(this.#paths.addresses, address), { force: true })
    for (const name of names) rmSync(join(this.#paths.names, name.toLowerCase()), { force: true })
    rmSync(join(this.#paths.outward, container), { force: true })
    const file = join(this.#paths.members, container)
    if (!existsSync(file)) return
    rmSync(file, { force: true })
    this.#tellOthers(container)
  }

  /** Lets a member ask for other machines' names too. */
  letOut(container: string): void {
    writeFileSync(join(this.#paths.outward, container), '', { mode: 0o600 })
  }

  /** Whether a container is on the network. */
  has(container: string): boolean {
    return this.holders().some((holder) => holder.container === container)
  }

  /** What a container has here, looked up. */
  claimsOf(container: string): Claims {
    const isTheirs = (directory: string, entry: string): boolean =>
      holderOf(join(directory, entry))?.container === container
    const { addresses, names } = this.#paths
    return {
      container,
      addresses: entriesOf(addresses).filter((address) => isTheirs(addresses, address)),
      names: entriesOf(names).filter((name) => isTheirs(names, name)),
    }
  }

  /** Forgets those whose process was killed: the keeper removed their containers. Returns whether there were any. */
  prune(): boolean {
    const dead = new Set(
      this.holders()
        .filter((holder) => !this.#isThere(holder))
        .map(({ container }) => container),
    )
    for (const container of dead) this.remove(this.claimsOf(container))
    return dead.size > 0
  }

  /** Everybody with an address. */
  holders(): (Holder & { readonly address: string })[] {
    return entriesOf(this.#paths.addresses).flatMap((address) => {
      const holder = holderOf(join(this.#paths.addresses, address))
      return holder ? [{ ...holder, address }] : []
    })
  }

  /** Those that have names. Read again only when something changed. */
  named(): readonly NamedMember[] {
    const changed = this.changed()
    if (this.#known?.changed === changed) return this.#known.members.filter((member) => this.#isThere(member))
    const members = entriesOf(this.#paths.members).flatMap((container) =>
      readMember(join(this.#paths.members, container)),
    )
    this.#known = { changed, members }
    return members.filter((member) => this.#isThere(member))
  }

  /** Differs when a member with a name came or went. Time alone does not tell: before Linux 6.13 it goes in steps of milliseconds. */
  changed(): string {
    const { mtimeNs = 0n } = statSync(this.#paths.members, { bigint: true, throwIfNoEntry: false }) ?? {}
    return [mtimeNs, ...entriesOf(this.#paths.members)].join(' ')
  }

  /** The names of all members for a hosts file. */
  section(): string {
    return hostsSection(this.#network, this.named().flatMap(entriesFor))
  }

  /** Brings one member's own hosts file up to date. */
  refresh(container: string): void {
    rewriteHosts(this.#hostsFile(container), this.#network, this.section())
  }

  /** Takes the network's names out of the hosts file of one that left it. */
  forgetIn(container: string): void {
    rewriteHosts(this.#hostsFile(container), this.#network, '')
  }

  #tellOthers(except: string): void {
    // Somebody else may have changed it in the meantime, and have written before us.
    for (let seen: string | undefined; seen !== this.changed();) {
      seen = this.changed()
      const section = this.section()
      const containers = new Set(this.holders().map(({ container }) => container))
      containers.delete(except)
      for (const container of containers) rewriteHosts(this.#hostsFile(container), this.#network, section)
    }
  }

  #claimName(name: string, holder: Holder): void {
    const { container } = holder
    const path = join(this.#paths.names, name.toLowerCase())
    for (let tries = 0; tries < 2; tries++) {
      try {
        symlinkSync(holderText(holder), path)
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        if (!this.prune()) break
      }
    }
    throw new AirplantError({
      code: 'ERR_NAME_TAKEN',
      phase: 'create',
      message: `Cannot name a container "${name}": container ${holderOf(path)?.container ?? 'of another process'} in network "${this.#network}" has that name`,
      hint: 'Choose another name, or give each test a network of its own with createNetwork()',
      container,
    })
  }

  /** Before it starts a container has no directory yet; when it has one, its process may have been another's. */
  #isThere({ container, pid }: Holder): boolean {
    return isAlive(pid) || existsSync(join(this.#session, 'containers', container))
  }

  #hostsFile(container: string): string {
    return join(this.#session, 'containers', container, 'hosts')
  }
}

/** Lines of one member: its addresses, each with all its names. */
export function entriesFor({ name, aliases, ip, ip6 }: NamedMember): HostsEntry[] {
  const names = [...new Set([...(name === undefined ? [] : [name]), ...aliases])]
  if (names.length === 0) return []
  return [{ address: ip, names }, ...(ip6 === undefined ? [] : [{ address: ip6, names }])]
}

function readMember(path: string): NamedMember[] {
  try {
    return [JSON.parse(readFileSync(path, 'utf8')) as NamedMember]
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
