// What the tests need that Debian has in packages. Later issues add lines here, and nowhere else.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const all = [
  { commands: ['newuidmap', 'newgidmap'], packages: ['uidmap'] },
  { commands: ['slirp4netns'], packages: ['slirp4netns'] },
  { commands: ['pasta'], packages: ['passt'] },
  { commands: ['ip'], packages: ['iproute2'] },
  { commands: ['fuse-overlayfs'], packages: ['fuse-overlayfs'] },
  { commands: ['busybox'], packages: ['busybox-static'] },
  { commands: ['cc'], packages: ['gcc', 'libc6-dev'] },
  { commands: ['mmdebstrap'], packages: ['mmdebstrap'] },
  { commands: ['docker-registry'], packages: ['docker-registry'] },
  { commands: ['skopeo'], packages: ['skopeo'] },
  { commands: ['umoci'], packages: ['umoci'] },
  { commands: ['zstd'], packages: ['zstd'] },
  { commands: ['nft'], packages: ['nftables'] },
]

/** What these packages would start, now and at every boot; the tests start their own. */
const services = ['docker-registry']

const forLint = [
  { commands: ['gcc'], packages: ['gcc', 'libc6-dev'] },
  { commands: ['clang-format'], packages: ['clang-format'] },
]

/** Names of the packages whose commands are not here. */
export function missingPackages(wanted = all) {
  return wanted.filter(({ commands }) => !commands.every(isCommand)).flatMap(({ packages }) => packages)
}

/** Names of the packages that `npm run lint` works without, checking less. */
export function missingLintPackages() {
  return missingPackages(forLint)
}

/** Installs them as root; throws with what to do where that cannot be. */
export function installPackages(packages) {
  if (packages.length === 0) return
  if (!isCommand('apt-get')) throw new Error(`Install these Debian packages' counterparts: ${packages.join(', ')}`)
  console.log(`Installing ${packages.join(', ')}`)
  // One foreign source that is down fails the whole update, and need not matter.
  if (!apt('update', '-q')) console.log('apt-get update failed; trying with the lists that are here')
  const isInstalled = withoutServices(() => apt('install', '-q', '-y', '--no-install-recommends', ...packages))
  if (!isInstalled) throw new Error(`Cannot install ${packages.join(', ')}: apt-get's own words are above`)
  for (const service of services.filter((name) => packages.includes(name))) {
    spawnSync('update-rc.d', [service, 'disable'], { stdio: 'ignore' })
  }
}

/** Debian's way to say that nothing may be started while packages are installed; the machine's own word comes first. */
function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return install()
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    return install()
  } finally {
    rmSync(policy)
  }
}

/** As root: gets the lists of packages where there are none, as in a container's image. */
export function fetchLists() {
  const lists = '/var/lib/apt/lists'
  if (existsSync(lists) && readdirSync(lists).some((name) => name.endsWith('Release'))) return
  if (!apt('update', '-q')) throw new Error("Cannot get the lists of packages: apt-get's own words are above")
}

/** What an ordinary user is told to run. */
export function installCommand(packages) {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`
}

function apt(...args) {
  const options = ['-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=120']
  const { status } = spawnSync('apt-get', [...options, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return status === 0
}

/** An ordinary user's PATH often lacks the sbin directories. */
function isCommand(name) {
  const directories = (process.env.PATH ?? '').split(delimiter).concat('/usr/local/sbin', '/usr/sbin', '/sbin')
  return directories.some((directory) => {
    try {
      accessSync(join(directory || '.', name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
