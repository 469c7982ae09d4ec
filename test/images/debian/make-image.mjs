// One image from its folder: image.json, before.sh and after.sh (run inside, around the packages), files/ (copied over).
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeLayer } from './layer.mjs'
import { writeImage, writeIndex } from './oci-layout.mjs'
import { output, run } from './run.mjs'
import { compareSnapshots, takeSnapshot } from './snapshot.mjs'

const apt = 'apt-get -q -y --no-install-recommends -o Debug::NoLocking=true -o Dir::Cache::pkgcache='
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Builds the image of `folder` on `base` (`{ root, layer }`) and gives its facts and `names`, a list of
 * `{ name, descriptor, mediaTypes }`. `place` says where: `{ layout, work, apt, log, architecture, download }`.
 */
export async function makeImage({ folder, base, place }) {
  const description = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8'))
  const root = join(place.work, 'root')
  mkdirSync(place.work, { recursive: true })
  await run('cp', ['-a', '--reflink=auto', base.root, root], place)
  const before = takeSnapshot(root)
  await installPackages(folder, description.packages ?? [], root, place)
  const layers = description.scratch
    ? await scratchLayers(description, join(root, 'result'), place)
    : await layersOnBase(folder, description, before, { ...base, root }, place)
  const facts = factsOf(description, root)
  rmSync(root, { recursive: true })
  return { ...facts, layers, names: writeNamed(filledIn(description, facts), layers, place) }
}

async function installPackages(folder, packages, root, place) {
  const install = `${apt} install ${packages.join(' ')}`
  // Two downloads into one directory would disturb each other; what follows may run beside another image's.
  if (packages.length > 0) await place.download(() => inside(root, `${install} --download-only`, place))
  const installed = packages.length > 0 ? `${install} --no-download` : ''
  const script = [scriptOf(folder, 'before.sh'), installed, scriptOf(folder, 'after.sh')].join('\n').trim()
  const forgotten = 'rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache'
  if (script !== '') await inside(root, `${script}\n${forgotten}\n`, place)
}

function scriptOf(folder, name) {
  const file = join(folder, name)
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

function inside(root, input, { apt: directory, log }) {
  const enter = join(import.meta.dirname, 'enter-root.sh')
  return run('unshare', ['--mount', 'sh', enter, root, directory], { log, input })
}

/** One layer of what the packages changed, one of the files. */
async function layersOnBase(folder, { compression, packages }, before, { root, layer }, { layout, work, log }) {
  const made = [layer]
  const packaged = takeSnapshot(root)
  const temporary = join(work, 'layer')
  const changes = compareSnapshots(before, packaged)
  if (changes.changed.length > 0) {
    const written = await writeLayer({ layout, root, ...changes, compression, temporary })
    made.push({ ...written, history: `RUN apt-get install ${(packages ?? []).join(' ')}` })
  }
  const files = join(folder, 'files')
  if (existsSync(files)) {
    await run('cp', ['-r', '--preserve=mode', `${files}/.`, root], { log })
    // Whatever the umask of the checkout was.
    const copied = [...takeSnapshot(files).keys()].map((name) => join(root, name))
    await run('chmod', ['u=rwX,go=rX', ...copied], { log })
    const written = await writeLayer({ layout, root, ...compareSnapshots(packaged, takeSnapshot(root)), temporary })
    made.push({ ...written, history: 'COPY files /' })
  }
  return made
}

/** What after.sh has put into /result is the whole image. */
async function scratchLayers({ compression }, result, { layout, work }) {
  const changed = [...takeSnapshot(result).keys()]
  const written = await writeLayer({ layout, root: result, changed, compression, temporary: join(work, 'layer') })
  return [{ ...written, history: 'ADD rootfs.tar /' }]
}

/** The version is what the program itself says. */
function factsOf({ version }, root) {
  const said = output('chroot', [root, 'sh', '-c', `${version} 2>&1`])
  const found = /\d+(\.\d+)+/.exec(said)
  if (!found) throw new Error(`No version in what "${version}" says: ${said}`)
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync(join(root, 'etc/os-release'), 'utf8'))?.[1]
  const [major, minor] = found[0].split('.')
  return { version: found[0], major, minor: `${major}.${minor}`, codename }
}

function filledIn(description, facts) {
  const text = JSON.stringify(description)
  return JSON.parse(text.replace(/\{(version|major|minor|codename)\}/g, (_all, name) => facts[name]))
}

function writeNamed({ repository, tags, mediaTypes = 'oci', index, config, variants = {} }, layers, place) {
  const { Env = [], ...rest } = config
  const complete = { Env: Env.some((line) => line.startsWith('PATH=')) ? Env : [path, ...Env], ...rest }
  const write = (more) => {
    const image = {
      architecture: place.architecture,
      layers,
      config: { ...complete, ...more, Env: [...complete.Env, ...(more.Env ?? [])] },
    }
    const descriptor = writeImage(place.layout, image)
    return index ? writeIndex(place.layout, [member(descriptor, place.architecture), ...place.foreign]) : descriptor
  }
  const named = (tag, descriptor) => ({ name: `${repository}:${tag}`, descriptor, mediaTypes })
  const plain = write({})
  return [
    ...[...new Set(tags)].map((tag) => named(tag, plain)),
    ...Object.entries(variants).map(([tag, more]) => named(tag, write(more))),
  ]
}

function member(descriptor, architecture) {
  const variant = architecture === 'arm64' ? { variant: 'v8' } : {}
  return { descriptor, platform: { os: 'linux', architecture, ...variant } }
}
