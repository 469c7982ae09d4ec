import type { Network } from './network.ts'

/** A property that every network has, also one of another copy of the package. */
export const networkBrand = Symbol.for('airplant.network')

/** Whether it is a {@link Network}; asking does not load its code, which a container without any does not need. */
export function isNetwork(value: unknown): value is Network {
  return typeof value === 'object' && value !== null && networkBrand in value
}
