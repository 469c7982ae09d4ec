import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { isAirplantError } from '../errors.ts'
import type { ArchiveFormat } from '../images/archives/save-images.ts'
import type { Command } from './command.ts'
import { refusedPlatform } from './platform-flag.ts'
import { usageError } from './usage-error.ts'
import { checkOutput } from './write-archive.ts'

const formats: readonly ArchiveFormat[] = ['docker-archive', 'oci-archive', 'oci-dir']

/** `airplant save`. */
export const saveCommand: Command = {
  name: 'save',
  usage: '[FLAGS] IMAGE...',
  about: `Writes images to an archive that docker, podman, skopeo and "airplant load" read. An image named by its ID has no name there. The file
appears when it is whole.`,
  flags: [
    { name: 'output', short: 'o', value: 'PATH', help: 'Write there. Default: stdout' },
    {
      name: 'format',
      value: formats.join('|'),
      help: 'Default docker-archive, which OCI tools read too; a directory needs -o',
    },
    refusedPlatform,
  ],
  words: [1, Infinity],
  examples: ['airplant save -o db.tar postgres:17', 'airplant save app | ssh other airplant load'],
  async run(line) {
    const [output, format] = [line.value('output'), formatOf(line.value('format'))]
    if (format === 'oci-dir' && output === undefined) {
      throw usageError('Cannot write a directory to stdout', 'Name it with -o, or write --format oci-archive')
    }
    checkOutput(output)
    const [{ withStore }, { saveImages }] = await Promise.all([
      import('./image-session.ts'),
      import('../images/archives/save-images.ts'),
    ])
    await withStore(async ({ store, session }) => {
      const to = await targetOf(output)
      await saveImages(store, session, line.words, { to, format }).catch((error: unknown) => {
        const isUnread = isAirplantError(error) && error.errno === 'EPIPE' && output === undefined
        if (!isUnread) throw error
      })
    })
    return 0
  },
}

function formatOf(written: string | undefined): ArchiveFormat {
  if (written === undefined) return 'docker-archive'
  const format = formats.find((each) => each === written)
  if (format) return format
  throw usageError(`Cannot save as "${written}"`, `Formats are ${formats.join(', ')}`)
}

/** A device or pipe is written to, not replaced. */
async function targetOf(output: string | undefined): Promise<string | Writable> {
  if (output === undefined) return process.stdout
  const found = await stat(output).catch(() => undefined)
  return !found || found.isFile() || found.isDirectory() ? output : createWriteStream(output)
}
