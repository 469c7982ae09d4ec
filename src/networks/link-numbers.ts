import { randomInt } from 'node:crypto'

/**
 * Interfaces are numbered by us, so that no message has to ask for a number first. Kernels with tunnel modules begin each namespace with
 * a few of their own below a hundred.
 */
const FIRST_INTERFACE = 200
const FIRST_PORT = 1000

/** The bridge in a network's namespace. */
export const BRIDGE = 100

/** The bridge's hardware address, the same in every network: who has an address of the network need not ask for it. */
export const BRIDGE_MAC = Uint8Array.of(0x02, 0x42, 0, 0, 0, 1)

/** Of all interfaces: the most that slirp4netns takes. Large packets are what bulk costs least with. */
export const MTU = 65_520

/** Of `eth` and that number in a container. */
export function interfaceIndex(number: number): number {
  return FIRST_INTERFACE + number
}

/** Of a new port of a bridge: one that is going, which takes tens of milliseconds, may still have its own. */
export function newPortIndex(): number {
  return randomInt(FIRST_PORT, 2 ** 31 - 1)
}
