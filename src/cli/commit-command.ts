import type { CommitOptions } from '../containers/files/commit.ts'
import type { Command } from './command.ts'
import type { CommandLine } from './command-line.ts'
import { withContainerOf } from './container-session.ts'
import { printText } from './print-text.ts'

/** `airplant commit`: an image from what a container changed. */
export const commitCommand: Command = {
  name: 'commit',
  usage: '[FLAGS] CONTAINER [NAME[:TAG]]',
  about: `Makes an image of a running container: its own image, and what it changed. Directories that its image declares as volumes are part of
it, named volumes are not. Prints the ID.`,
  flags: [
    { name: 'author', short: 'a', value: 'TEXT', help: 'Who made it' },
    {
      name: 'change',
      short: 'c',
      value: 'INSTRUCTION',
      help: 'CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR; repeatable',
    },
    { name: 'message', short: 'm', value: 'TEXT', help: 'A comment for the history' },
    { name: 'pause', short: 'p', help: 'Pause the container meanwhile. Default true' },
  ],
  words: [1, 2],
  examples: [`airplant commit -c 'CMD ["server", "--fast"]' app app:seeded`],
  async run(line) {
    const [name = ''] = line.words
    const { id } = await withContainerOf(name, (container) => container.commit(optionsOf(line)))
    await printText(`${id}\n`)
    return 0
  },
}

function optionsOf(line: CommandLine): CommitOptions {
  const [, reference] = line.words
  const [author, message] = [line.value('author'), line.value('message')]
  return {
    changes: line.values('change'),
    pause: line.values('pause').length === 0 || line.isOn('pause'),
    ...(reference !== undefined && { reference }),
    ...(author !== undefined && { author }),
    ...(message !== undefined && { message }),
  }
}
