// Builds all test images: build.mjs DIRECTORY. To be run as root of a mount and pid namespace, of its own user namespace
// for an ordinary user, and not twice at once; scripts/setup/images.mjs does so. DIRECTORY appears when all is done, with
// registry/ (the storage of a registry that has them all), images.json (what there is) and logs/.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { debianSources } from './apt.mjs'
import { makeBaseSystem } from './base-system.mjs'
import { writeLayer } from './layer.mjs'
import { makeImage } from './make-image.mjs'
import { makeLayout, writeImage, writeNames } from './oci-layout.mjs'
import { publish } from './publish.mjs'
import { takeSnapshot } from './snapshot.mjs'

const atOnce = 2
/** The longest first, so that none of them runs alone at the end. */
const firstOnes = ['rabbitmq', 'postgres', 'mariadb']
const result = resolve(process.argv[2])
// One name for all: what an interrupted build left goes with the next one.
const directory = join(dirname(result), 'building')
const architecture = { x64: 'amd64' }[process.arch] ?? process.arch
const paths = {
  layout: join(directory, 'layout'),
  work: join(directory, 'work'),
  apt: join(directory, 'work/apt'),
  storage: join(directory, 'registry'),
  logs: join(directory, 'logs'),
}

process.umask(0o022)
const begun = performance.now()
if (!existsSync(result)) {
  rmSync(directory, { recursive: true, force: true })
  try {
    await buildAll()
    renameSync(directory, result)
  } catch (error) {
    console.error(error)
    process.exitCode = 1
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
// What another image's build still runs ends with this process, which is the namespace's pid 1.
process.exit()

async function buildAll() {
  for (const path of [paths.work, paths.logs]) mkdirSync(path, { recursive: true })
  makeLayout(paths.layout)
  const base = await makeBase()
  say('base system')
  const images = await makeAll(base, await foreignImage())
  const named = images.flatMap(({ names }) => names)
  writeNames(paths.layout, named)
  await publish({ ...paths, named, home: join(paths.work, 'skopeo'), log: join(paths.logs, 'publish.log') })
  say('registry')
  writeFileSync(join(directory, 'images.json'), `${JSON.stringify(images, null, 2)}\n`)
  for (const path of [paths.work, paths.layout]) rmSync(path, { recursive: true })
}

async function makeBase() {
  const root = join(paths.work, 'base')
  const { codename, sources } = debianSources(paths.work)
  const log = join(paths.logs, 'base.log')
  await makeBaseSystem({ root, apt: paths.apt, codename, sources, directory: paths.work, log })
  const changed = ['.', ...takeSnapshot(root).keys()]
  const temporary = join(paths.work, 'base-layer')
  const layer = await writeLayer({ layout: paths.layout, root, changed, format: 'gnu', temporary })
  return { root, layer: { ...layer, history: `ADD rootfs.tar / # Debian ${codename}` } }
}

/** For an index with a platform that is not ours: complete, so that registries take it, and of no use. */
async function foreignImage() {
  const root = join(paths.work, 'foreign')
  mkdirSync(root)
  const other = architecture === 'arm64' ? 'amd64' : 'arm64'
  writeFileSync(join(root, 'platform'), `${other}\n`)
  const temporary = join(paths.work, 'foreign-layer')
  const layer = await writeLayer({ layout: paths.layout, root, changed: ['platform'], temporary })
  const layers = [{ ...layer, history: 'ADD platform /' }]
  const descriptor = writeImage(paths.layout, { architecture: other, layers, config: { Cmd: ['/nothing'] } })
  const variant = other === 'arm64' ? { variant: 'v8' } : {}
  return [{ descriptor, platform: { os: 'linux', architecture: other, ...variant } }]
}

async function makeAll(base, foreign) {
  const folders = readdirSync(import.meta.dirname).filter((name) =>
    existsSync(join(import.meta.dirname, name, 'image.json')),
  )
  const rank = (name) => (firstOnes.includes(name) ? firstOnes.indexOf(name) : firstOnes.length)
  const waiting = folders.sort((a, b) => rank(a) - rank(b))
  const download = oneAfterTheOther()
  const made = []
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const own = { work: join(paths.work, name), log: join(paths.logs, `${name}.log`) }
      const place = { ...paths, ...own, architecture, download, foreign }
      made.push({ image: name, ...(await makeImage({ folder: join(import.meta.dirname, name), base, place })) })
      say(name)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return made
}

function oneAfterTheOther() {
  let last = Promise.resolve()
  return (task) => {
    const result = last.then(task)
    last = result.catch(() => {})
    return result
  }
}

function say(what) {
  console.log(`  ${what} (${Math.round((performance.now() - begun) / 1000)} s)`)
}
