import type { Command } from './command.ts'
import { platformFlag } from './platform-flag.ts'
import { printText } from './print-text.ts'
import { archiveSource } from './read-archive.ts'
import { usageError } from './usage-error.ts'

/** `airplant import`. */
export const importCommand: Command = {
  name: 'import',
  usage: '[FLAGS] FILE|- [NAME[:TAG]]',
  about:
    'Makes an image of one layer of a tar archive of files, as "airplant export" writes it; "-" is stdin. Prints the ID.',
  flags: [
    {
      name: 'change',
      short: 'c',
      value: 'INSTRUCTION',
      help: 'CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR; repeatable',
    },
    { name: 'message', short: 'm', value: 'TEXT', help: 'A comment for the history' },
    { ...platformFlag, help: "What it runs on. Default this machine's" },
  ],
  words: [1, 2],
  examples: [`airplant import -c 'CMD ["/bin/sh"]' rootfs.tar.gz base:1`],
  async run(line) {
    const [file = '', reference] = line.words
    if (/^https?:\/\//.test(file))
      throw usageError('Cannot import from the web', 'Write: curl -L URL | airplant import -')
    const source = archiveSource(file === '-' ? undefined : file, 'Name a file, or redirect the input')
    const [{ withStore }, { importImage }] = await Promise.all([
      import('./image-session.ts'),
      import('../images/archives/import-image.ts'),
    ])
    const { image } = await withStore(({ store, session, env }) =>
      importImage(store, session, source, {
        ...{ reference, changes: line.values('change'), message: line.value('message') },
        ...{ platform: line.value('platform'), env },
      }),
    )
    await printText(`${image.id}\n`)
    return 0
  },
}
