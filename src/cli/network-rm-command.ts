import { isAirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { eachWord } from './each-word.ts'
import { withLockedNetworks } from './network-session.ts'
import { printText } from './print-text.ts'
import { removeKnownNetwork } from './remove-known-network.ts'

/** `airplant network rm`. */
export const networkRmCommand: Command = {
  name: 'network rm',
  usage: '[FLAGS] NETWORK...',
  about: 'Removes networks, unless containers are on them.',
  flags: [{ name: 'force', short: 'f', help: 'Take containers off first; missing networks are no error' }],
  words: [1, Infinity],
  async run(line) {
    const force = line.isOn('force')
    return await withLockedNetworks((networks) =>
      eachWord(line.words, async (name) => {
        try {
          await removeKnownNetwork(networks.find(name), networks, { force })
        } catch (error) {
          const isMissing = isAirplantError(error) && error.code === 'ERR_NETWORK_NOT_FOUND'
          if (!isMissing || !force) throw error
        }
        await printText(`${name}\n`)
      }),
    )
  },
}
