import type { NetlinkBatch } from './netlink-batch.ts'
import { CREATE } from './netlink-batch.ts'

// linux/rtnetlink.h, linux/if_link.h, linux/veth.h
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const IFF_UP = 0x1
const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_NUM_TX_QUEUES = 31
const IFLA_NUM_RX_QUEUES = 32
const IFLA_GSO_MAX_SIZE = 41
const IFLA_GSO_IPV4_MAX_SIZE = 63
const IFLA_NET_NS_FD = 28
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const VETH_INFO_PEER = 1
const IFLA_BR_MCAST_SNOOPING = 23

/** A bridge to make. */
export interface BridgeLink {
  readonly index: number
  readonly name: string
  /** Six bytes. Without it a bridge changes its own whenever a port comes or goes, and everybody's ARP entries with it. */
  readonly mac: Uint8Array
  readonly mtu: number
}

/** Makes a bridge, up. It learns addresses, and floods multicast: neighbour discovery must not wait for a querier. */
export function addBridge(batch: NetlinkBatch, { index, name, mac, mtu }: BridgeLink): void {
  batch.message(RTM_NEWLINK, CREATE, linkHeader(index, true), () => {
    batch.text(IFLA_IFNAME, name)
    batch.bytes(IFLA_ADDRESS, mac)
    batch.u32(IFLA_MTU, mtu)
    batch.nested(IFLA_LINKINFO, () => {
      batch.text(IFLA_INFO_KIND, 'bridge')
      batch.nested(IFLA_INFO_DATA, () => batch.u8(IFLA_BR_MCAST_SNOOPING, 0))
    })
  })
}

/** A pair of interfaces, one end a port of a bridge in this namespace, the other in another namespace. */
export interface VethLink {
  /** Of the end that is here; it needs one for the other to get its own. */
  readonly index: number
  readonly bridge: number
  readonly mtu: number
  readonly peer: {
    readonly index: number
    readonly name: string
    readonly mac: Uint8Array
    /** Slot of the plan with its namespace. */
    readonly namespace: number
  }
}

/**
 * Makes a pair in one message, this end up. The kernel names this end: a name of ours could still be that of one that is going, which takes
 * tens of milliseconds.
 */
export function addVeth(batch: NetlinkBatch, { index, bridge, mtu, peer }: VethLink): void {
  batch.message(RTM_NEWLINK, CREATE, linkHeader(index, true), () => {
    batch.u32(IFLA_MTU, mtu)
    batch.u32(IFLA_MASTER, bridge)
    oneQueue(batch)
    batch.nested(IFLA_LINKINFO, () => {
      batch.text(IFLA_INFO_KIND, 'veth')
      batch.nested(IFLA_INFO_DATA, () => {
        batch.nested(VETH_INFO_PEER, () => {
          batch.fixed(linkHeader(peer.index, undefined))
          batch.text(IFLA_IFNAME, peer.name)
          batch.bytes(IFLA_ADDRESS, peer.mac)
          batch.u32(IFLA_MTU, mtu)
          oneQueue(batch)
          batch.descriptor(IFLA_NET_NS_FD, peer.namespace)
        })
      })
    })
  })
}

/** A queue for each processor, the default, takes as long to make as all the rest, and brings nothing here. */
function oneQueue(batch: NetlinkBatch): void {
  batch.u32(IFLA_NUM_TX_QUEUES, 1)
  batch.u32(IFLA_NUM_RX_QUEUES, 1)
}

/** Lets the kernel pass on larger pieces of a stream at once, twice as fast. Kernels before 6.3 do not, or only for IPv6. */
export function allowLargePieces(batch: NetlinkBatch, index: number): void {
  batch.optional(RTM_NEWLINK, 0, linkHeader(index, undefined), () => {
    batch.u32(IFLA_GSO_MAX_SIZE, LARGEST_PIECE)
    batch.u32(IFLA_GSO_IPV4_MAX_SIZE, LARGEST_PIECE)
  })
}

/** The most that an interface of the kernel's own takes (TSO_MAX_SIZE). */
const LARGEST_PIECE = 524_280

/**
 * Asks for an interface, for what that does: since Linux 6.14 the kernel then does at once what else it does in the background when the other
 * end of a pair came up. Until it has, a port of a bridge passes nothing on, and under load that takes so long that first packets are lost.
 */
export function settleLink(batch: NetlinkBatch, index: number): void {
  batch.message(RTM_GETLINK, 0, linkHeader(index, undefined))
}

/** Brings an interface up. */
export function linkUp(batch: NetlinkBatch, index: number): void {
  batch.message(RTM_NEWLINK, 0, linkHeader(index, true))
}

/** The same with the largest packet that it takes. */
export function setUp(batch: NetlinkBatch, index: number, mtu: number): void {
  batch.message(RTM_NEWLINK, 0, linkHeader(index, true), () => batch.u32(IFLA_MTU, mtu))
}

/** Removes an interface; of a pair both ends go. It takes some 25 ms, so nobody should wait for it. */
export function removeLink(batch: NetlinkBatch, index: number): void {
  batch.message(RTM_DELLINK, 0, linkHeader(index, undefined))
}

/** `struct ifinfomsg`. */
function linkHeader(index: number, isUp: boolean | undefined): Buffer {
  const header = Buffer.alloc(16)
  header.writeInt32LE(index, 4)
  header.writeUInt32LE(isUp ? IFF_UP : 0, 8)
  // Which flags are meant: undefined leaves them.
  header.writeUInt32LE(isUp === undefined ? 0 : IFF_UP, 12)
  return header
}
