// What this machine's apt knows of Debian: its sources and how they are reached. No host name stands in our files.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { output } from './run.mjs'

/**
 * Writes the machine's entries for its Debian release below `directory`, and gives
 * `{ codename, sources: string[] }`, the release and the files. Throws with what to do where there are none.
 */
export function debianSources(directory) {
  const release = readFileSync('/etc/os-release', 'utf8')
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1]
  const targets = output('apt-get', ['indextargets', '--format', '$(ORIGIN)|$(CODENAME)|$(SOURCESENTRY)'])
  const entries = targets
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([origin, name]) => origin === 'Debian' && codename && name?.split('-')[0] === codename)
    .map(([, , entry]) => entry)
  if (entries.length === 0) {
    throw new Error(
      'Cannot build the test images: apt knows no Debian source of this release; run "sudo apt-get update" on Debian',
    )
  }
  const sources = [...new Set(entries)].map((entry, index) => {
    const file = join(directory, `source-${index}`)
    writeFileSync(file, entryText(entry))
    return file
  })
  return { codename, sources }
}

/** Proxies and the like, as lines of apt.conf. */
export function acquireOptions() {
  const reaches = /^Acquire::(https?|ftp|Check-|Retries|ForceIPv|Max-|Min-)/
  const lines = output('apt-config', ['dump']).split('\n')
  return ['APT::Sandbox::User "root";', 'Acquire::Retries "3";', 'Acquire::Languages "none";'].concat(
    lines.filter((line) => reaches.test(line)),
  )
}

/** apt names one entry as FILE:N, the line of a list or the paragraph of a deb822 file. */
function entryText(entry) {
  const [, file, number] = /^(.*):(\d+)$/.exec(entry)
  const text = readFileSync(file, 'utf8')
  const parts = file.endsWith('.sources')
    ? text.split(/\n\s*\n/).filter((part) => /^Types:/m.test(part))
    : text.split('\n')
  return `${parts[Number(number) - 1]}\n`
}
