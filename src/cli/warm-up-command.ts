import { AirplantError } from '../errors.ts'
import type { FixtureOptions } from '../fixtures/fixture-options.ts'
import type { ResolvedRunOptions, ServiceOptions } from '../fixtures/run/run-options.ts'
import type { OnProgress } from '../images/progress.ts'
import type { Command } from './command.ts'
import { eachWord } from './each-word.ts'
import { humanDuration } from './human.ts'
import type { ImageSurroundings } from './image-session.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'

/** `airplant warm up`. */
export const warmUpCommand: Command = {
  name: 'warm up',
  usage: '[SERVICE...]',
  about: `Fetches the images of airplant.config.* here or above, and prepares the warm layers of its services, so that no test run has to: a step
for CI before the store is cached. Progress goes to stderr.`,
  flags: [],
  words: [0, Infinity],
  examples: ['airplant warm up', 'airplant warm up db'],
  async run(line) {
    const { path, options } = await configuration()
    const names = line.words.length > 0 ? line.words : Object.keys(options.services)
    return await withStore(async (around) => {
      const { ProgressDisplay } = await import('./show-progress.ts')
      const display = new ProgressDisplay(process.stderr, around.env)
      const onProgress: OnProgress = (event) => display.show(event)
      const pulled =
        line.words.length > 0 ? 0 : await eachWord(options.pull, (image) => pull(image, around, onProgress))
      const ready = await eachWord(names, (name) => warmUp(name, serviceOf(name, options, path), around, onProgress))
      return pulled || ready
    })
  },
}

async function configuration(): Promise<{ path: string; options: ResolvedRunOptions }> {
  const [{ loadRunConfig }, { resolveRunOptions }] = await Promise.all([
    import('../fixtures/run/load-run-config.ts'),
    import('../fixtures/run/run-options.ts'),
  ])
  const found = await loadRunConfig(process.cwd())
  if (found) return { path: found.path, options: resolveRunOptions(found.options, process.env, found.path) }
  throw new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    message: `Cannot find airplant.config.* in "${process.cwd()}" or above`,
    hint: 'Write airplant.config.ts with "export default defineConfig({ services: … })", of "airplant/config"',
  })
}

function serviceOf(name: string, { services }: ResolvedRunOptions, path: string): ServiceOptions {
  const service = Object.hasOwn(services, name) ? services[name] : undefined
  if (service) return service
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot warm up "${name}": "${path}" has no service of that name`,
    hint: `Name one of ${Object.keys(services).join(', ')}`,
  })
}

async function pull(
  image: FixtureOptions['image'],
  { session }: ImageSurroundings,
  onProgress: OnProgress,
): Promise<void> {
  const [{ pullImage }, { parseImage }] = await Promise.all([
    import('../fixtures/pull-image.ts'),
    import('../containers/parse-image.ts'),
  ])
  const choice = parseImage(image ?? 'host', process.cwd())
  // The host image and plain directories are there already.
  if (choice.kind !== 'stored') return
  await pullImage(choice.source, { session, onProgress })
  await printText(`${choice.name}\n`)
}

async function warmUp(
  name: string,
  { lazy: _lazy, per: _per, ...options }: ServiceOptions,
  around: ImageSurroundings,
  onProgress: OnProgress,
): Promise<void> {
  await pull(options.image, around, onProgress)
  if (options.prepare === undefined) return
  const { withContainer } = await import('../fixtures/with-container.ts')
  const { reuse: _reuse, ...own } = options
  const began = performance.now()
  await withContainer({ ...own, session: around.session }, () => undefined)
  await printText(`${name}: warm, ready after ${humanDuration(performance.now() - began)}\n`)
}
