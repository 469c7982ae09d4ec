import type { IpAddress } from '../../rootless/ip-address.ts'
import { bytesOf } from '../../rootless/ip-address.ts'
import type { NetlinkBatch } from './netlink-batch.ts'
import { nth } from '../addresses/subnet.ts'
import type { Subnet } from '../addresses/subnet.ts'
import { CREATE } from './netlink-batch.ts'

// linux/rtnetlink.h, linux/if_addr.h
const RTM_NEWADDR = 20
const RTM_NEWROUTE = 24
const RTM_NEWNEIGH = 28
const NLM_F_REPLACE = 0x100
const NLM_F_CREATE = 0x400
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_NODAD = 0x02
const IFA_F_NOPREFIXROUTE = 0x200
const NDA_DST = 1
const NDA_LLADDR = 2
const NTF_MASTER = 0x04
const NTF_STICKY = 0x40
const NUD_NOARP = 0x40
const NUD_PERMANENT = 0x80
const RTA_DST = 1
const RTNH_F_ONLINK = 4
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RT_TABLE_MAIN = 254
const RTPROT_STATIC = 4
const RT_SCOPE_UNIVERSE = 0
const RTN_UNICAST = 1
const AF_INET = 2
const AF_BRIDGE = 7
const AF_INET6 = 10

/** An address of an interface. */
export interface InterfaceAddress {
  readonly index: number
  readonly address: IpAddress
  readonly prefix: number
  /** Whether the others of its subnet are on the same link, as is usual. @default true */
  readonly isLinked?: boolean
}

/** Gives an interface an address. An IPv6 one can be used at once: nobody else is asked whether it has it too. */
export function addAddress(batch: NetlinkBatch, options: InterfaceAddress): void {
  const { index, address, prefix, isLinked = true } = options
  const bytes = bytesOf(address)
  batch.message(RTM_NEWADDR, CREATE, addressHeader(address.family, prefix, index), () => {
    batch.bytes(IFA_LOCAL, bytes)
    batch.bytes(IFA_ADDRESS, bytes)
    if (!isLinked) batch.u32(IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE)
  })
}

/** Where packets go next. */
export interface NextHop {
  readonly index: number
  /** Known to be on the link of that interface. */
  readonly gateway: IpAddress
  /** Of several routes to the same destination the lowest is used. */
  readonly metric: number
}

/** Sends what has no other route to a gateway. */
export function addDefaultRoute(batch: NetlinkBatch, hop: NextHop): void {
  addRoute(batch, { family: hop.gateway.family, base: 0n, prefix: 0 }, hop)
}

/** Sends what is for a subnet to a gateway. */
export function addRoute(batch: NetlinkBatch, subnet: Subnet, { index, gateway, metric }: NextHop): void {
  const header = Buffer.alloc(12)
  header.writeUInt8(gateway.family === 4 ? AF_INET : AF_INET6, 0)
  header.writeUInt8(subnet.prefix, 1)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(RTPROT_STATIC, 5)
  header.writeUInt8(RT_SCOPE_UNIVERSE, 6)
  header.writeUInt8(RTN_UNICAST, 7)
  header.writeUInt32LE(RTNH_F_ONLINK, 8)
  batch.message(RTM_NEWROUTE, CREATE, header, () => {
    if (subnet.prefix > 0) batch.bytes(RTA_DST, bytesOf(nth(subnet, 0)))
    batch.bytes(RTA_GATEWAY, bytesOf(gateway))
    batch.u32(RTA_OIF, index)
    batch.u32(RTA_PRIORITY, metric)
  })
}

/** Says once and for all which hardware address a neighbour has, so that nobody is asked. */
export function setNeighbour(batch: NetlinkBatch, index: number, address: IpAddress, mac: Uint8Array): void {
  const header = neighbourHeader(address.family === 4 ? AF_INET : AF_INET6, index, NUD_PERMANENT)
  batch.message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header, () => {
    batch.bytes(NDA_DST, bytesOf(address))
    batch.bytes(NDA_LLADDR, mac)
  })
}

/**
 * Says which port of its bridge leads to a hardware address, whatever port that is heard at: also when its last holder's interface is still
 * there.
 */
export function setPortOf(batch: NetlinkBatch, index: number, mac: Uint8Array): void {
  const header = neighbourHeader(AF_BRIDGE, index, NUD_NOARP, NTF_MASTER | NTF_STICKY)
  batch.message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header, () => batch.bytes(NDA_LLADDR, mac))
}

/** `struct ndmsg`. */
function neighbourHeader(family: number, index: number, state: number, flags = 0): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(family, 0)
  header.writeInt32LE(index, 4)
  header.writeUInt16LE(state, 8)
  header.writeUInt8(flags, 10)
  return header
}

/** `struct ifaddrmsg`. */
function addressHeader(family: 4 | 6, prefix: number, index: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(family === 4 ? AF_INET : AF_INET6, 0)
  header.writeUInt8(prefix, 1)
  header.writeUInt8(IFA_F_NODAD, 2)
  header.writeUInt32LE(index, 4)
  return header
}
