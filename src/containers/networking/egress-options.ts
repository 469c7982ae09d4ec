import { invalidOption, parsePort } from '../option-parsers.ts'
import type { ContainerOptions } from '../options.ts'
import type { ContainerSpec } from '../spec.ts'
import { isShared } from './network-option.ts'

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function resolveEgress({ egress = false, network = 'none' }: ContainerOptions): ContainerSpec['egress'] {
  if (![true, false, 'slirp4netns', 'pasta'].includes(egress)) {
    throw invalidOption('egress', egress, 'unknown', 'Use true, false, "slirp4netns" or "pasta"')
  }
  if (egress === false || network === 'host') return false
  if (network === 'none' || isShared(network)) {
    const problem = isShared(network)
      ? "the other container's network has a way out or not"
      : 'without a network there is no way out'
    throw invalidOption('egress', egress, problem, 'Choose a network: network: "session"')
  }
  return egress
}

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function resolveHostAccess({ hostAccess = [], network }: ContainerOptions): readonly number[] {
  const ports = [...new Set(hostAccess.map((port) => parsePort('hostAccess', port, 1)))]
  if (ports.length === 0 || network === 'host') return []
  if (ports.length > MOST_PORTS) {
    throw invalidOption('hostAccess', hostAccess, `more than ${MOST_PORTS} ports`, 'Name only those that are needed')
  }
  if (!isShared(network)) return ports
  const problem = "the network is another container's"
  throw invalidOption('hostAccess', hostAccess, problem, 'Give it to that container')
}

const MOST_PORTS = 32
