import type { OnProgress } from '../images/progress.ts'
import type { Reference } from '../images/reference.ts'
import type { RegistryClient } from '../images/registry/registry-client.ts'
import type { Command } from './command.ts'
import type { CommandLine } from './command-line.ts'
import type { ImageSurroundings } from './image-session.ts'
import { platformFlag } from './platform-flag.ts'
import { printText } from './print-text.ts'
import { trustFlag } from './trust-flag.ts'
import { usageError } from './usage-error.ts'

/** `airplant pull`: progress goes to stderr, what was pulled to stdout. */
export const pullCommand: Command = {
  name: 'pull',
  usage: '[FLAGS] IMAGE...',
  about: `Fetches images from their registries, and what is new only. Progress goes to stderr. What an interrupted pull has fetched is kept for
the next one.`,
  flags: [
    { name: 'all-tags', short: 'a', help: 'All tags of the repository' },
    platformFlag,
    { name: 'quiet', short: 'q', help: "Show no progress, print only the image's whole name" },
    trustFlag,
  ],
  words: [1, Infinity],
  examples: ['airplant pull postgres:17 redis', 'airplant pull --platform linux/arm64 debian:13'],
  async run(line) {
    const { withStore } = await import('./image-session.ts')
    await withStore(async (around) => {
      for (const name of await namesOf(line)) await pull(name, line, around)
    })
    return 0
  },
}

async function pull(name: string, line: CommandLine, { session, env }: ImageSurroundings): Promise<void> {
  const [{ pullImage }, { formatReference, parseReference, familiarName }, { ProgressDisplay }] = await Promise.all([
    import('../images/pull-image.ts'),
    import('../images/reference.ts'),
    import('./show-progress.ts'),
  ])
  const reference = parseReference(name)
  const quiet = line.isOn('quiet')
  if (!quiet) noteDefaultTag(name, reference.tag)
  const display = quiet ? undefined : new ProgressDisplay(process.stderr, env)
  let [digest, changed] = ['', true]
  const onProgress: OnProgress = (event) => {
    if (event.kind === 'done') ({ digest, changed } = event)
    display?.show(event)
  }
  await pullImage(name, { session, env, platform: line.value('platform'), onProgress })
  const status = `${changed ? 'Downloaded newer image' : 'Image is up to date'} for ${familiarName(reference)}`
  const report = quiet ? '' : `Digest: ${digest}\nStatus: ${status}\n`
  await printText(`${report}${formatReference(reference)}\n`)
}

function noteDefaultTag(name: string, tag: string | undefined): void {
  if (tag === 'latest' && !name.endsWith(':latest')) process.stderr.write('Using default tag: latest\n')
}

async function namesOf(line: CommandLine): Promise<readonly string[]> {
  if (!line.isOn('all-tags')) return line.words
  const { parseReference } = await import('../images/reference.ts')
  const { openClient } = await import('../images/open-client.ts')
  const references = line.words.map((word) => {
    const reference = parseReference(word, { defaultTag: false })
    if (reference.tag === undefined && reference.digest === undefined) return reference
    throw usageError(`Cannot pull all tags of "${word}": it names one`, 'Write the repository alone')
  })
  return await tagsOf(references, await openClient(line.words[0] ?? '', { env: process.env }))
}

async function tagsOf(references: readonly Reference[], opened: RegistryClient): Promise<string[]> {
  await using client = opened
  const names: string[] = []
  for (const reference of references) {
    const { registry, repository } = reference
    for (const tag of (await client.listTags(reference)).sort()) names.push(`${registry}/${repository}:${tag}`)
  }
  return names
}
