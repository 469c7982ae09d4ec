import type { IpAddress } from '../addresses/ip-address.ts'
import { bytesOf } from '../addresses/ip-address.ts'
import type { NetlinkBatch } from './netlink-batch.ts'
import { CREATE } from './netlink-batch.ts'

// linux/rtnetlink.h, linux/if_addr.h
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_NEWROUTE = 24
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_F_NODAD = 0x02
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RT_TABLE_MAIN = 254
const RTPROT_STATIC = 4
const RT_SCOPE_UNIVERSE = 0
const RTN_UNICAST = 1
const AF_INET = 2
const AF_INET6 = 10

/** An address of an interface. */
export interface InterfaceAddress {
  readonly index: number
  readonly address: IpAddress
  readonly prefix: number
}

/** Gives an interface an address. An IPv6 one can be used at once: nobody else is asked whether it has it too. */
export function addAddress(batch: NetlinkBatch, { index, address, prefix }: InterfaceAddress): void {
  const bytes = bytesOf(address)
  batch.message(RTM_NEWADDR, CREATE, addressHeader(address.family, prefix, index), () => {
    batch.bytes(IFA_LOCAL, bytes)
    batch.bytes(IFA_ADDRESS, bytes)
  })
}

/** Takes an address from an interface. */
export function removeAddress(batch: NetlinkBatch, { index, address, prefix }: InterfaceAddress): void {
  batch.message(RTM_DELADDR, 0, addressHeader(address.family, prefix, index), () => {
    batch.bytes(IFA_LOCAL, bytesOf(address))
  })
}

/** Sends what has no other route to a gateway. @param metric the lower one is used */
export function addDefaultRoute(batch: NetlinkBatch, index: number, gateway: IpAddress, metric: number): void {
  const header = Buffer.alloc(12)
  header.writeUInt8(gateway.family === 4 ? AF_INET : AF_INET6, 0)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(RTPROT_STATIC, 5)
  header.writeUInt8(RT_SCOPE_UNIVERSE, 6)
  header.writeUInt8(RTN_UNICAST, 7)
  batch.message(RTM_NEWROUTE, CREATE, header, () => {
    batch.bytes(RTA_GATEWAY, bytesOf(gateway))
    batch.u32(RTA_OIF, index)
    batch.u32(RTA_PRIORITY, metric)
  })
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
