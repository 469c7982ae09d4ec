import type { OnProgress } from '../images/progress.ts'
import type { Command } from './command.ts'
import { platformFlag } from './platform-flag.ts'
import { printText } from './print-text.ts'
import { archiveSource } from './read-archive.ts'

/** `airplant load`. */
export const loadCommand: Command = {
  name: 'load',
  usage: '[FLAGS]',
  about: `Reads images into the store, under the names that they have: from an archive of docker, podman, skopeo or "airplant save", also
compressed, or from a directory in the OCI layout.`,
  flags: [
    { name: 'input', short: 'i', value: 'PATH', help: 'File or directory. Default: an archive on stdin' },
    platformFlag,
    { name: 'quiet', short: 'q', help: 'Show no progress' },
  ],
  words: [0, 0],
  examples: ['airplant load -i db.tar', 'docker save app | airplant load'],
  async run(line) {
    const input = line.value('input')
    const source = archiveSource(input === '-' ? undefined : input, 'Write -i FILE, or redirect the input')
    const [{ withStore }, { loadImages }, { familiarName, parseReference }] = await Promise.all([
      import('./image-session.ts'),
      import('../images/archives/load-images.ts'),
      import('../images/reference.ts'),
    ])
    const onProgress = line.isOn('quiet') ? undefined : await progress()
    const loaded = await withStore(({ store, session, env }) =>
      loadImages(store, session, source, { platform: line.value('platform'), env, onProgress }),
    )
    for (const { image, names } of loaded) {
      const shown = names.map((name) => `Loaded image: ${familiarName(parseReference(name))}\n`)
      await printText(shown.join('') || `Loaded image ID: ${image.id}\n`)
    }
    return 0
  },
}

async function progress(): Promise<OnProgress> {
  const { ProgressDisplay } = await import('./show-progress.ts')
  return new ProgressDisplay(process.stderr, process.env).show
}
