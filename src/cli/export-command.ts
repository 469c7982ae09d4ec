import type { Command } from './command.ts'
import { withContainerOf } from './container-session.ts'
import { checkOutput, writeArchive } from './write-archive.ts'

/** `airplant export`: a container's root as a tar archive. */
export const exportCommand: Command = {
  name: 'export',
  usage: '[-o FILE] CONTAINER',
  about: "Writes a running container's root file system as a tar archive, without what is mounted in it.",
  flags: [{ name: 'output', short: 'o', value: 'FILE', help: 'Write there. Default: stdout' }],
  words: [1, 1],
  examples: ['airplant export db | tar -t', 'airplant export db | airplant import - db:flat'],
  async run(line) {
    const output = line.value('output')
    checkOutput(output)
    await withContainerOf(line.words[0] ?? '', async (container) => writeArchive(await container.export(), output))
    return 0
  },
}
