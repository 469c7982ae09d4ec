import type { NetworkAttachment, NetworkOption } from '../containers/networking/network-option.ts'
import type { ContainerOptions, PortOption } from '../containers/options.ts'
import { parsePublished } from '../containers/parse-published.ts'
import { SESSION_NETWORK } from '../networks/session-network-name.ts'
import { usageError } from './usage-error.ts'

/** What flags say of networks, before it is put together. */
export interface NetworkDraft {
  networks: string[]
  aliases: string[]
  ip: string | undefined
  ip6: string | undefined
  published: string[]
  exposed: string[]
  publishAll: boolean
  egress: boolean | 'slirp4netns' | 'pasta' | undefined
  hostAccess: number[]
  hosts: Map<string, readonly string[]>
  dns: string[]
  dnsSearch: string[]
  dnsOptions: string[]
}

export function newNetworkDraft(): NetworkDraft {
  return {
    ...{ networks: [], aliases: [], ip: undefined, ip6: undefined, published: [], exposed: [], publishAll: false },
    ...{ egress: undefined, hostAccess: [], hosts: new Map(), dns: [], dnsSearch: [], dnsOptions: [] },
  }
}

type NetworkOptions = Pick<
  ContainerOptions,
  'network' | 'egress' | 'hostAccess' | 'extraHosts' | 'dns' | 'dnsSearch' | 'dnsOptions' | 'ports'
>

/**
 * The options that the flags amount to; what was not said is left out.
 *
 * @param hasImage -P is about what an image exposes, too
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function networkOptions(draft: NetworkDraft, hasImage: boolean): NetworkOptions {
  const { egress, hostAccess, hosts, dns, dnsSearch, dnsOptions } = draft
  const network = networkOption(draft)
  const ports = portsOption(draft, hasImage)
  return {
    ...(network !== undefined && { network }),
    ...(egress !== undefined && { egress }),
    ...(ports.length > 0 && { ports }),
    ...(hostAccess.length > 0 && { hostAccess }),
    ...(hosts.size > 0 && { extraHosts: Object.fromEntries(hosts) }),
    ...(dns.length > 0 && { dns }),
    ...(dnsSearch.length > 0 && { dnsSearch }),
    ...(dnsOptions.length > 0 && { dnsOptions }),
  }
}

/** Docker's words for the network that is there without being made. */
const implicit = ['bridge', 'default', SESSION_NETWORK]

function networkOption(draft: NetworkDraft): NetworkOption | undefined {
  const { networks, aliases, ip, ip6 } = draft
  const extras = [
    ...(aliases.length > 0 ? ['--network-alias'] : []),
    ...(ip ? ['--ip'] : []),
    ...(ip6 ? ['--ip6'] : []),
  ]
  if (networks.length === 0 && extras.length === 0) return undefined
  const given = (networks.length > 0 ? networks : [SESSION_NETWORK]).map(readNetwork)
  const alone = given.find((each) => typeof each === 'string' || 'container' in each)
  const attachments = given.filter((each) => typeof each !== 'string' && 'network' in each)
  const [first] = attachments
  if (alone !== undefined || !first) {
    if (given.length > 1) {
      throw usageError(
        `Cannot use --network ${networks.join(' with --network ')}`,
        'none, host and container: go with no other',
      )
    }
    if (extras.length > 0) {
      throw usageError(`Cannot use ${extras[0]} with --network ${networks[0]}`, 'Choose a network, as --network bridge')
    }
    return alone
  }
  if (aliases.length > 0 && first.aliases) {
    throw usageError('Cannot use --network-alias with alias= of --network', 'Write all of them as alias=')
  }
  const fixed = { ...first, ...(aliases.length > 0 && { aliases }), ...(ip && { ip }), ...(ip6 && { ip6 }) }
  const all = [fixed, ...attachments.slice(1)]
  return all.length === 1 && Object.keys(fixed).length === 1 ? fixed.network : all
}

type OneNetwork = 'none' | 'host' | { readonly container: string } | (NetworkAttachment & { readonly network: string })

/** A word, or docker's long form `name=NET,ip=,ip6=,alias=`. */
function readNetwork(text: string): OneNetwork {
  if (text.includes('=')) return readLongForm(text)
  if (text === 'none' || text === 'host') return text
  if (text.startsWith('container:')) {
    const container = text.slice('container:'.length)
    if (container !== '') return { container }
    throw usageError('Cannot share the network of no container', 'Write --network container:NAME, or its ID')
  }
  return { network: readName(text) }
}

function readName(text: string): string {
  if (implicit.includes(text)) return SESSION_NETWORK
  if (text !== 'slirp4netns' && text !== 'pasta' && text !== '') return text
  throw usageError(`Cannot use the network "${text}"`, text === '' ? 'Name one, or none' : `Write --egress=${text}`)
}

function readLongForm(text: string): NetworkAttachment & { network: string } {
  const found: { name?: string; ip?: string; ip6?: string; aliases: string[] } = { aliases: [] }
  for (const word of text.split(',')) {
    const [field = '', value = ''] = word.split(/=(.*)/s, 2)
    if (field === 'alias') found.aliases.push(value)
    else if (field === 'name' || field === 'ip' || field === 'ip6') found[field] = value
    else throw usageError(`Cannot use "${word}" of --network ${text}`, 'Supported are name=, ip=, ip6= and alias=')
  }
  const { name, ip, ip6, aliases } = found
  if (!name) throw usageError(`Cannot use --network ${text}: no name`, 'Write --network name=NET,alias=NAME')
  if (name === 'none' || name === 'host' || name.startsWith('container:')) {
    throw usageError(`Cannot use --network ${text}: "${name}" takes no settings`, `Write --network ${name}`)
  }
  return { network: readName(name), ...(aliases.length > 0 && { aliases }), ...(ip && { ip }), ...(ip6 && { ip6 }) }
}

/** What -p names is not published once more by -P. */
function portsOption({ published, exposed, publishAll }: NetworkDraft, hasImage: boolean): readonly PortOption[] {
  if (!publishAll) return published
  const taken = new Set(published.flatMap(parsePublished).map(({ container, protocol }) => `${container}/${protocol}`))
  const more = exposed.flatMap(parsePublished).filter(({ container, protocol }) => {
    const key = `${container}/${protocol}`
    return !taken.has(key) && taken.add(key)
  })
  const own = more.map(({ container, protocol }) => ({ container, protocol }))
  return [...published, ...own, ...(hasImage || own.length === 0 ? ['exposed'] : [])]
}
