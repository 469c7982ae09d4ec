import type { Command } from './command.ts'
import { confirm, forceFlag } from './confirm.ts'
import { membersOf } from './known-networks.ts'
import { withLockedNetworks } from './network-session.ts'
import { printText } from './print-text.ts'
import { fitLabels, longFilterFlag, parseUntil, readFilters } from './read-filters.ts'
import { removeKnownNetwork } from './remove-known-network.ts'

/** `airplant network prune`. */
export const networkPruneCommand: Command = {
  name: 'network prune',
  usage: '[FLAGS]',
  about: 'Removes the networks of "network create" that no container is on.',
  flags: [longFilterFlag('until=24h (made before), label=NAME[=VALUE], label!=NAME[=VALUE]'), forceFlag],
  words: [0, 0],
  async run(line) {
    const filters = readFilters(line, ['until', 'label', 'label!'])
    const times = (filters.get('until') ?? []).map((text) => parseUntil(text, Date.now()).getTime())
    if (!(await confirm(line, ['all networks of "network create" that no container is on']))) return 0
    const removed = await withLockedNetworks(async (networks) => {
      const unused = networks
        .list()
        .filter(({ kind, labels }) => kind === 'defined' && fitLabels(labels, filters))
        .filter(({ created }) => times.every((time) => Date.parse(created) < time))
        .filter((network) => membersOf(network).length === 0)
      for (const network of unused) await removeKnownNetwork(network, networks, { force: false })
      return unused
    })
    if (removed.length > 0) await printText(`Deleted Networks:\n${removed.map(({ name }) => name).join('\n')}\n\n`)
    return 0
  },
}
