import type { Command } from './command.ts'
import type { KnownNetwork } from './known-networks.ts'
import { membersOf } from './known-networks.ts'
import { withNetworks } from './network-session.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList } from './print-list.ts'
import { printText } from './print-text.ts'
import type { Filters } from './read-filters.ts'
import { filterFlag, fitLabels, readFilters, switchOf } from './read-filters.ts'

/** `airplant network ls`. */
export const networkLsCommand: Command = {
  name: 'network ls',
  usage: '[FLAGS]',
  about: `Lists networks by name: those of "network create", those that running programs made for themselves, and what --network takes without
anything being made. Every "airplant run" without a network of its own has another "bridge".`,
  flags: [
    filterFlag('name=PART, id=PART, label=NAME[=VALUE], driver=bridge|host|null, type=custom|builtin, dangling=true'),
    formatFlag,
    { name: 'no-trunc', help: 'Accepted: IDs are shown whole' },
    { name: 'quiet', short: 'q', help: 'Print only IDs' },
  ],
  words: [0, 0],
  examples: ['airplant network rm $(airplant network ls -q -f type=custom)'],
  async run(line) {
    const filter = networkFilter(readFilters(line, networkFilterNames))
    const rows = await withNetworks((networks) => Promise.resolve(networks.list().filter(filter).map(rowOf)))
    if (line.isOn('quiet') && line.value('format') === undefined)
      await printText(rows.map(({ ID }) => `${ID}\n`).join(''))
    else await printList(line, rows, headings, ['ID', 'Name', 'Driver', 'Scope'])
    return 0
  },
}

/** What networks can be filtered by. */
export const networkFilterNames = ['name', 'id', 'label', 'label!', 'driver', 'type', 'scope', 'dangling']

/** Whether a network fits all filters; of one name any. @throws {AirplantError} `ERR_INVALID_OPTION` */
export function networkFilter(filters: Filters): (network: KnownNetwork) => boolean {
  const dangling = switchOf(filters, 'dangling')
  const fits = (name: string, test: (value: string) => boolean): boolean =>
    (filters.get(name) ?? ['']).some((value) => value === '' || test(value))
  return (network) =>
    fits('name', (part) => network.name.includes(part)) &&
    fits('id', (part) => network.id.includes(part)) &&
    fits('driver', (driver) => network.driver === driver) &&
    fits('scope', (scope) => scope === 'local') &&
    fits('type', (type) => type === (network.kind === 'builtin' ? 'builtin' : 'custom')) &&
    fitLabels(network.labels, filters) &&
    (dangling === undefined || (network.kind !== 'builtin' && membersOf(network).length === 0) === dangling)
}

const headings: Row = {
  ...{ ID: 'NETWORK ID', Name: 'NAME', Driver: 'DRIVER', Scope: 'SCOPE', IPv4: 'IPV4', IPv6: 'IPV6' },
  ...{ Internal: 'INTERNAL', Labels: 'LABELS', CreatedAt: 'CREATED AT' },
}

function rowOf({ id, name, driver, subnets, internal, labels, created }: KnownNetwork): Row {
  const shown = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  const hasIpv6 = subnets.some(({ subnet }) => subnet.includes(':'))
  return {
    ...{ ID: id, Name: name, Driver: driver, Scope: 'local', IPv4: 'true', IPv6: String(hasIpv6) },
    ...{ Internal: String(internal), Labels: shown.join(','), CreatedAt: created },
  }
}
