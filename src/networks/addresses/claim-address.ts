import { readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { FIRST_MEMBER } from '../network-options.ts'
import { formatIp } from '../../rootless/ip-address.ts'
import type { IpAddress } from '../../rootless/ip-address.ts'
import { counterpart, nth, sizeOf } from './subnet.ts'
import type { Subnet } from './subnet.ts'

/** Who has an address: a container, and the process that keeps it. */
export interface Holder {
  readonly container: string
  readonly pid: number
  /** Of the container's interface, which is `eth` and this number: whoever disconnects it may be another process. */
  readonly number: number
}

/** What a member may have asked for. */
export interface WantedAddresses {
  readonly ip: IpAddress | undefined
  readonly ip6: IpAddress | undefined
}

/** What it got. */
export interface ClaimedAddresses {
  readonly ip: IpAddress
  readonly ip6: IpAddress | undefined
}

/** The addresses of one network, in its directory: taking one is a link(2) that nobody else can make. */
export class AddressPool {
  readonly #directory: string
  readonly #subnet: Subnet
  readonly #subnet6: Subnet | undefined
  /** After the one that was given last: a neighbour may remember whose an address was, so none is soon given again. */
  #next = FIRST_MEMBER

  constructor(directory: string, subnet: Subnet, subnet6: Subnet | undefined) {
    this.#directory = directory
    this.#subnet = subnet
    this.#subnet6 = subnet6
  }

  /**
   * Takes addresses for a container; undefined when all are taken.
   *
   * @throws {AirplantError} `ERR_ADDRESS_UNAVAILABLE` for a fixed one that somebody has
   */
  claim(wanted: WantedAddresses, holder: Holder): ClaimedAddresses | undefined {
    const ip = wanted.ip ?? this.#any(holder, wanted.ip6)
    if (!ip) return undefined
    const auto6 = this.#subnet6 && counterpart(ip, this.#subnet, this.#subnet6)
    if (wanted.ip) this.#fixed(ip, wanted.ip6 ? undefined : auto6, holder)
    if (!wanted.ip6) return { ip, ip6: auto6 }
    try {
      // An automatic IPv6 address has the number of the IPv4 one, and no link of its own.
      this.#fixed(wanted.ip6, this.#subnet6 && counterpart(wanted.ip6, this.#subnet6, this.#subnet), holder)
    } catch (error) {
      rmSync(this.#path(ip), { force: true })
      throw error
    }
    return { ip, ip6: wanted.ip6 }
  }

  /** @param other address that nobody else may have, because that one has this one by its number */
  #fixed(address: IpAddress, other: IpAddress | undefined, holder: Holder): void {
    const isTaken = !take(this.#path(address), holder)
    const owner = isTaken ? holderOf(this.#path(address)) : other && holderOf(this.#path(other))
    if (!isTaken && (owner === undefined || owner.container === holder.container)) return
    if (!isTaken) rmSync(this.#path(address), { force: true })
    const refused = !isTaken && other?.family === 6 ? other : address
    throw new AirplantError({
      code: 'ERR_ADDRESS_UNAVAILABLE',
      phase: 'create',
      message: `Cannot give the address ${formatIp(refused)}: container ${owner?.container ?? 'of another'} has it`,
      hint: 'Choose another, or none: a free one is given then',
      container: holder.container,
    })
  }

  #any(holder: Holder, wanted6: IpAddress | undefined): IpAddress | undefined {
    const last = sizeOf(this.#subnet) - 2n
    for (let tries = FIRST_MEMBER; tries <= last; tries++) {
      if (this.#next > last) this.#next = FIRST_MEMBER
      const ip = nth(this.#subnet, this.#next++)
      if (!take(this.#path(ip), holder)) continue
      // Looked at afterwards: whoever takes it as a fixed one looks for ours after taking it.
      const ip6 = this.#subnet6 && !wanted6 && counterpart(ip, this.#subnet, this.#subnet6)
      if (!ip6 || !holderOf(this.#path(ip6))) return ip
      rmSync(this.#path(ip), { force: true })
    }
    return undefined
  }

  #path(address: IpAddress): string {
    return join(this.#directory, formatIp(address))
  }
}

function take(path: string, holder: Holder): boolean {
  try {
    symlinkSync(holderText(holder), path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** What a link to a holder says. */
export function holderText({ container, pid, number }: Holder): string {
  return `${container}.${pid}.${number}`
}

/** Whose a claimed address or name is; undefined when it is nobody's. */
export function holderOf(path: string): Holder | undefined {
  try {
    const [container = '', pid, number] = readlinkSync(path).split('.')
    return { container, pid: Number(pid), number: Number(number) }
  } catch {
    return undefined
  }
}
