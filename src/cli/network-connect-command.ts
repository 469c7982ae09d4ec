import type { Command } from './command.ts'
import { networkFor, withNetworksOf } from './connected-container.ts'

/** `airplant network connect`. */
export const networkConnectCommand: Command = {
  name: 'network connect',
  usage: '[FLAGS] NETWORK CONTAINER',
  about: 'Connects a running container to one more network of its session.',
  flags: [
    { name: 'alias', value: 'NAME', help: 'One more name there; repeatable' },
    { name: 'ip', value: 'ADDRESS', help: 'IPv4 address' },
    { name: 'ip6', value: 'ADDRESS', help: 'IPv6 address' },
    {
      name: 'link',
      value: 'CONTAINER',
      refused: { why: 'containers of a network find each other by name', instead: 'Use --alias' },
    },
    { name: 'link-local-ip', value: 'ADDRESS', refused: { why: 'the kernel chooses it', instead: 'Use --ip6' } },
    {
      name: 'driver-opt',
      value: 'OPTION',
      refused: { why: 'interfaces have no settings here', instead: 'Leave it out' },
    },
    {
      name: 'gw-priority',
      value: 'NUMBER',
      refused: { why: 'the first network is the way out', instead: 'Leave it out' },
    },
  ],
  words: [2, 2],
  examples: ['airplant network connect --alias db web postgres'],
  async run(line) {
    const [network = '', container = ''] = line.words
    const [ip, ip6, aliases] = [line.value('ip'), line.value('ip6'), line.values('alias')]
    await withNetworksOf(container, async (found, networks) => {
      const wanted = await networkFor(found, network, process.env)
      await networks.connect(wanted, { aliases, ...(ip !== undefined && { ip }), ...(ip6 !== undefined && { ip6 }) })
    })
    return 0
  },
}
