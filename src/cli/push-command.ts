import type { Command } from './command.ts'
import type { ImageSurroundings } from './image-session.ts'
import { refusedPlatform } from './platform-flag.ts'
import { printText } from './print-text.ts'
import { trustFlag } from './trust-flag.ts'
import { usageError } from './usage-error.ts'

/** `airplant push`: progress goes to stderr, what was pushed to stdout. */
export const pushCommand: Command = {
  name: 'push',
  usage: '[FLAGS] NAME[:TAG]',
  about: `Sends an image to the registry that its name begins with, or to Docker Hub. What the registry has already is not sent again. Progress
goes to stderr.`,
  flags: [
    { name: 'all-tags', short: 'a', help: 'All tags that the repository has in the store' },
    { name: 'quiet', short: 'q', help: "Show no progress, print only the image's whole name" },
    trustFlag,
    refusedPlatform,
  ],
  words: [1, 1],
  examples: ['airplant tag app registry.example.com/app:1', 'airplant push registry.example.com/app:1'],
  async run(line) {
    const { withStore } = await import('./image-session.ts')
    await withStore(async (around) => {
      const word = line.words[0] ?? ''
      const names = line.isOn('all-tags') ? await tagsOf(word, around) : [word]
      for (const name of names) await push(name, line.isOn('quiet'), around)
    })
    return 0
  },
}

async function push(name: string, quiet: boolean, { session, env }: ImageSurroundings): Promise<void> {
  const [{ pushImage }, { formatReference, parseReference }, { ProgressDisplay }] = await Promise.all([
    import('../images/push-image.ts'),
    import('../images/reference.ts'),
    import('./show-progress.ts'),
  ])
  const reference = parseReference(name)
  if (!quiet && reference.tag === 'latest' && !name.endsWith(':latest')) {
    process.stderr.write('Using default tag: latest\n')
  }
  const onProgress = quiet ? undefined : new ProgressDisplay(process.stderr, env).show
  const { digest, size } = await pushImage(name, { session, env, onProgress })
  await printText(
    quiet ? `${formatReference(reference)}\n` : `${reference.tag ?? ''}: digest: ${digest} size: ${size}\n`,
  )
}

async function tagsOf(word: string, { store }: ImageSurroundings): Promise<string[]> {
  const { formatReference, parseReference } = await import('../images/reference.ts')
  const wanted = parseReference(word, { defaultTag: false })
  if (wanted.tag !== undefined || wanted.digest !== undefined) {
    throw usageError(`Cannot push all tags of "${word}": it names one`, 'Write the repository alone')
  }
  const images = await store.list()
  const full = images.flatMap(({ repository, tag }) =>
    repository === undefined || tag === undefined ? [] : [formatReference(parseReference(`${repository}:${tag}`))],
  )
  const names = full.filter((name) => name.startsWith(`${formatReference(wanted)}:`))
  // Says that there is none, as for a single name.
  return names.length > 0 ? names : [word]
}
