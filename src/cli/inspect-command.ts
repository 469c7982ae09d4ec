import { AirplantError, isAirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { eachWord } from './each-word.ts'
import { fillTemplate } from './fill-template.ts'
import type { ImageSurroundings } from './image-session.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

type Document = Record<string, unknown>
type Kind = keyof typeof finders

/** `airplant inspect`. */
export const inspectCommand: Command = {
  name: 'inspect',
  usage: '[FLAGS] NAME|ID...',
  about: `Prints a JSON array of what is known of running containers, images, volumes and networks: of each name the first that has it. What is missing
is said, and the others are printed all the same.`,
  flags: [
    {
      name: 'format',
      short: 'f',
      value: 'FORMAT',
      help: '"json" (a document a line), or a template as "{{.Config.Env}}" or "{{json .RootFS}}"',
    },
    { name: 'type', value: 'container|image|volume|network', help: 'Only that kind' },
    {
      name: 'size',
      short: 's',
      refused: { why: 'it would read all files of a container', instead: 'See "airplant diff", "airplant system df"' },
    },
  ],
  words: [1, Infinity],
  examples: ["airplant inspect -f '{{json .Config.Env}}' postgres:17"],
  async run(line) {
    const kinds = kindsOf(line.value('type'))
    const found: Document[] = []
    const code = await withStore((around) =>
      eachWord(line.words, async (name) => {
        found.push(await inspect(name, kinds, around))
      }),
    )
    const format = line.value('format')
    if (format === undefined) await printText(`${JSON.stringify(found, null, 4)}\n`)
    else if (format === 'json') await printText(`${JSON.stringify(found)}\n`)
    else await printText(found.map((document) => `${fillTemplate(format, document)}\n`).join(''))
    return code
  },
}

function kindsOf(type: string | undefined): Kind[] {
  const kinds = Object.keys(finders) as Kind[]
  if (type === undefined) return kinds
  const kind = kinds.find((each) => each === type)
  if (kind) return [kind]
  throw usageError(`Cannot inspect things of type "${type}"`, `Types are ${kinds.join(', ')}`)
}

async function inspect(name: string, kinds: readonly Kind[], around: ImageSurroundings): Promise<Document> {
  for (const kind of kinds) {
    const document = await finders[kind](name, around)
    if (document) return document
  }
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    message: `Cannot inspect "${name}": there is no ${kinds.join(', ').replace(/, (?=[^,]*$)/, ' or ')} of that name or ID`,
    hint: '"airplant images", "airplant volume ls" and "airplant network ls" list what is there',
  })
}

const finders = {
  async container(name: string, { env }: ImageSurroundings): Promise<Document | undefined> {
    const { findContainer } = await import('../containers/find-container.ts')
    const { describeRunning } = await import('./describe-running.ts')
    const { placesOf } = await import('./places-of.ts')
    try {
      await using found = await findContainer(name, env)
      return describeRunning(found, placesOf(found))
    } catch (error) {
      if (isAirplantError(error) && error.code === 'ERR_CONTAINER_NOT_FOUND') return undefined
      throw error
    }
  },
  async image(name: string, { store }: ImageSurroundings): Promise<Document | undefined> {
    const { describeImage } = await import('./describe-image.ts')
    try {
      const image = store.lookup(name)
      return image && describeImage(store, image)
    } catch (error) {
      // A name that no image can have may be a volume's.
      if (isAirplantError(error) && error.code === 'ERR_INVALID_REFERENCE') return undefined
      throw error
    }
  },
  async volume(name: string, { store }: ImageSurroundings): Promise<Document | undefined> {
    const { describeVolume } = await import('./describe-volume.ts')
    try {
      const volume = store.volumes.find(name)
      return volume && describeVolume(volume)
    } catch (error) {
      if (isAirplantError(error) && error.code === 'ERR_INVALID_OPTION') return undefined
      throw error
    }
  },
  async network(name: string, { env }: ImageSurroundings): Promise<Document | undefined> {
    const [{ KnownNetworks, membersOf }, { describeNetwork }] = await Promise.all([
      import('./known-networks.ts'),
      import('./describe-network.ts'),
    ])
    const networks = await KnownNetworks.open(env)
    try {
      const network = networks.find(name)
      return describeNetwork(network, membersOf(network))
    } catch (error) {
      if (isAirplantError(error) && error.code === 'ERR_NETWORK_NOT_FOUND') return undefined
      throw error
    } finally {
      await networks[Symbol.asyncDispose]()
    }
  },
}
