import type { Command } from './command.ts'
import { printText } from './print-text.ts'
import { readRegistry } from './read-registry.ts'

/** `airplant logout`. */
export const logoutCommand: Command = {
  name: 'logout',
  usage: '[REGISTRY]',
  about: "Forgets the credentials of a registry, by default Docker Hub's.",
  flags: [],
  words: [0, 1],
  async run(line) {
    const registry = readRegistry(line.words[0])
    const { eraseCredentials } = await import('../images/registry/credentials/stored-logins.ts')
    const hadSome = await eraseCredentials(registry, { env: process.env })
    await printText(`${hadSome ? 'Removed the credentials of' : 'Not logged in to'} ${registry}\n`)
    return 0
  },
}
