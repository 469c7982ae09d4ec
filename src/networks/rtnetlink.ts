import { isIPv4 } from 'node:net'

// linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h
const RTM_NEWLINK = 16
const RTM_NEWADDR = 20
const NLM_F_REQUEST = 0x1
const NLM_F_ACK = 0x4
const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400
const IFF_UP = 0x1
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const AF_INET = 2

/** Index of the loopback interface: the first of every network namespace. */
export const LOOPBACK = 1

/** Brings an interface up. */
export function linkUp(index: number): Buffer {
  const body = Buffer.alloc(16)
  body.writeInt32LE(index, 4)
  body.writeUInt32LE(IFF_UP, 8)
  body.writeUInt32LE(IFF_UP, 12)
  return message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, body)
}

/** Gives an interface an IPv4 address. */
export function addAddress(index: number, address: string, prefix: number): Buffer {
  if (!isIPv4(address)) throw new TypeError(`Cannot add "${address}": not an IPv4 address`)
  const bytes = Buffer.from(address.split('.').map(Number))
  const header = Buffer.alloc(8)
  header.writeUInt8(AF_INET, 0)
  header.writeUInt8(prefix, 1)
  header.writeUInt32LE(index, 4)
  const body = Buffer.concat([header, attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)])
  return message(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body)
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + align(value.length))
  bytes.writeUInt16LE(4 + value.length, 0)
  bytes.writeUInt16LE(type, 2)
  value.copy(bytes, 4)
  return bytes
}

function message(type: number, flags: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  return Buffer.concat([header, body])
}

function align(size: number): number {
  return (size + 3) & ~3
}
