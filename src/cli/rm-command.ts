import type { AttachedContainer } from '../containers/attached-container.ts'
import { AirplantError, isAirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { eachContainer } from './each-container.ts'

/** `airplant rm`. */
export const rmCommand: Command = {
  name: 'rm',
  usage: '[FLAGS] CONTAINER...',
  about: `Removes containers, although another process started them, which sees them end. Normally nothing is left to remove: a container goes with the
process that started it.`,
  flags: [
    { name: 'force', short: 'f', help: 'Kill those that run; missing ones are no error' },
    { name: 'volumes', short: 'v', help: 'Accepted: volumes without a name go with their container' },
    { name: 'link', short: 'l', refused: { why: 'there are no links', instead: 'See "airplant network disconnect"' } },
  ],
  words: [1, Infinity],
  examples: ['airplant rm -f $(airplant ps -q -f label=airplant.test)'],
  async run(line) {
    const force = line.isOn('force')
    return await eachContainer(
      line.words,
      async (container) => {
        if (!force && !container.exit) throw isRunning(container)
        await container.remove()
      },
      (error) => force && isAirplantError(error) && error.code === 'ERR_CONTAINER_NOT_FOUND',
    )
  },
}

function isRunning({ id, name, image }: AttachedContainer): AirplantError {
  return new AirplantError({
    code: 'ERR_IN_USE',
    message: `Cannot remove container "${name ?? id}": it is running`,
    hint: 'Stop it first, or remove it with --force',
    container: id,
    image,
  })
}
