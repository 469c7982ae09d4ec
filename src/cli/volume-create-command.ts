import { randomBytes } from 'node:crypto'
import type { Command } from './command.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

/** `airplant volume create`. */
export const volumeCreateCommand: Command = {
  name: 'volume create',
  usage: '[FLAGS] [NAME]',
  about:
    'Makes a volume, a directory that outlives containers, and prints its name. One that is there is left as it is.',
  flags: [
    { name: 'label', value: 'NAME[=VALUE]', help: 'Label; repeatable' },
    { name: 'driver', short: 'd', value: 'local', help: 'Accepted: "local" is the only one' },
    {
      name: 'opt',
      short: 'o',
      value: 'OPTION',
      refused: { why: 'a volume is a directory in the store', instead: 'Mount other things with run --mount' },
    },
  ],
  words: [0, 1],
  async run(line) {
    const driver = line.value('driver') ?? 'local'
    if (driver !== 'local') throw usageError(`Cannot use the volume driver "${driver}"`, 'The only one is "local"')
    const [name = randomBytes(32).toString('hex')] = line.words
    const labels = line.values('label').map((text) => {
      const [label = '', value = ''] = text.split(/=(.*)/s, 2)
      return [label, value] as const
    })
    await withStore(({ store }) => store.volumes.create(name, Object.fromEntries(labels)))
    await printText(`${name}\n`)
    return 0
  },
}
