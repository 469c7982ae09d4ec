import { isNetwork } from '../../networks/is-network.ts'
import type { JoinOptions, Network } from '../../networks/network.ts'
import { checkName } from '../../networks/network-options.ts'
import { SESSION_NETWORK } from '../../networks/session-network-name.ts'
import type { OptionShape } from '../../rootless/check-options.ts'
import { checkOptions } from '../../rootless/check-options.ts'
import { invalidOption } from '../option-parsers.ts'
import type { ContainerOptions } from '../options.ts'
import type { AttachmentSpec, NetworkSpec } from '../spec.ts'

/** A network to join, and how. */
export interface NetworkAttachment extends JoinOptions {
  /** The network, or its name. */
  readonly network: string | Network
}

/** The network of another container: they have the same interfaces and ports, and reach each other at localhost. */
export interface SharedNetwork {
  /** A running container of the session, or its ID or name. */
  readonly container: string | { readonly id: string }
}

/** What a container is connected to. */
export type NetworkOption =
  | 'none'
  | 'host'
  | 'session'
  | (string & {})
  | Network
  | NetworkAttachment
  | SharedNetwork
  | readonly (string | Network | NetworkAttachment)[]

const attachmentShape: OptionShape<NetworkAttachment> = { network: 'any', aliases: 'list', ip: 'text', ip6: 'text' }
const sharedShape: OptionShape<SharedNetwork> = { container: 'any' }

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function resolveNetwork({ network = 'none', aliases = [] }: ContainerOptions): NetworkSpec {
  if (network === 'none' || network === 'host') {
    if (aliases.length === 0) return { mode: network as 'none' | 'host' }
    throw invalidOption(
      'aliases',
      aliases,
      `there are none with network "${network}"`,
      'Choose a network, or leave them out',
    )
  }
  if (isShared(network)) {
    if (aliases.length === 0) return shared(network)
    throw invalidOption('aliases', aliases, "the network is another container's", 'Give them to that container')
  }
  const list = Array.isArray(network) ? (network as readonly (string | Network | NetworkAttachment)[]) : [network]
  const attachments = list.map((each) => attachment(each as string | Network | NetworkAttachment, aliases))
  const names = attachments.map((each) => (typeof each.network === 'string' ? each.network : each.network.name))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalidOption('network', twice, 'named twice', 'Name each network once')
  if (attachments.length > 0) return { mode: 'networks', attachments }
  throw invalidOption('network', network, 'an empty list', 'Write "none" for no network')
}

/** Whether the option, of which nothing is known yet, asks for another container's network. */
export function isShared(option: unknown): option is SharedNetwork {
  return typeof option === 'object' && option !== null && 'container' in option
}

function shared(option: SharedNetwork): NetworkSpec {
  checkOptions('a shared network', option, sharedShape)
  const { container } = option
  const wanted: unknown = typeof container === 'string' ? container : container.id
  if (typeof wanted === 'string' && wanted !== '') return { mode: 'container', container: wanted }
  throw invalidOption('container of a network', container, 'not a container', 'Give a container, its name or its ID')
}

function attachment(option: string | Network | NetworkAttachment, aliases: readonly string[]): AttachmentSpec {
  if (typeof option === 'string') return { network: checkNetworkName(option), options: { aliases } }
  if (isNetwork(option)) return { network: option, options: { aliases } }
  checkOptions('a network of a container', option, attachmentShape)
  const { network, ...join } = option
  const named = typeof network === 'string' ? checkNetworkName(network) : network
  if (typeof named !== 'string' && !isNetwork(named)) {
    throw invalidOption('network', named, 'neither a network nor the name of one', 'Give what createNetwork() gave')
  }
  return { network: named, options: { ...join, aliases: [...aliases, ...(join.aliases ?? [])] } }
}

function checkNetworkName(name: string): string {
  if (name === 'none' || name === 'host') {
    throw invalidOption('network', name, 'it goes with no other', 'Name networks only, or this alone')
  }
  return name === SESSION_NETWORK ? name : checkName('a network', name)
}
