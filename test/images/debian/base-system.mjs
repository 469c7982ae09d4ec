// The root file system that all images share, made by mmdebstrap and trimmed as Docker's Debian images are.
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireOptions } from './apt.mjs'
import { run } from './run.mjs'

const untranslated = [
  'force-unsafe-io',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/groff/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/lintian/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/man/*',
]

/** No service is started while a package is installed, and nothing is kept of downloads. */
const additions = [
  { path: 'usr/sbin/policy-rc.d', text: '#!/bin/sh\nexit 101\n', mode: 0o755 },
  { path: 'etc/apt/apt.conf.d/docker-no-languages', text: 'Acquire::Languages "none";\n' },
  { path: 'etc/apt/apt.conf.d/docker-gzip-indexes', text: 'Acquire::GzipIndexes "true";\n' },
  { path: 'etc/hosts', text: '' },
  { path: 'etc/hostname', text: 'localhost\n' },
  { path: 'etc/resolv.conf', text: '' },
]

/** Makes it as `root`; `apt` is the directory of apt's cache, lists and configuration, filled here. */
export async function makeBaseSystem({ root, apt, codename, sources, directory, log }) {
  const dpkgOptions = join(directory, 'dpkg.cfg')
  const aptOptions = join(directory, 'apt.conf')
  writeFileSync(dpkgOptions, `${untranslated.join('\n')}\n`)
  writeFileSync(aptOptions, `${acquireOptions().join('\n')}\n`)
  // Called as root of this namespace; what it would put into /dev is no part of an image.
  const options = ['--mode=root', '--variant=minbase', '--format=directory', '--skip=cleanup/apt,output/dev']
  const files = [`--dpkgopt=${dpkgOptions}`, `--aptopt=${aptOptions}`]
  await run('mmdebstrap', [...options, ...files, codename, root, ...sources], { log })
  mkdirSync(join(apt, 'cache/archives/partial'), { recursive: true })
  cpSync(join(root, 'var/lib/apt/lists'), join(apt, 'lists'), { recursive: true })
  copyFileSync(aptOptions, join(apt, 'apt.conf'))
  trim(root)
}

function trim(root) {
  for (const directory of ['var/lib/apt/lists', 'var/cache/apt', 'var/log', 'run', 'tmp', 'dev']) empty(root, directory)
  rmSync(join(root, 'etc/apt/apt.conf.d/99mmdebstrap'), { force: true })
  for (const { path, text, mode } of additions) {
    const file = join(root, path)
    rmSync(file, { force: true })
    writeFileSync(file, text)
    chmodSync(file, mode ?? 0o644)
  }
}

function empty(root, directory) {
  for (const name of readdirSync(join(root, directory))) {
    rmSync(join(root, directory, name), { recursive: true, force: true })
  }
}
