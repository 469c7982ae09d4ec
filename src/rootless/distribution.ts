/** Families of distributions that differ in how a package is installed. */
export type DistributionFamily = 'debian' | 'fedora' | 'arch' | 'alpine' | 'suse'

/** A package's name in each family; a family where it does not exist is left out. */
export type PackageNames = Partial<Record<DistributionFamily, string>>

const INSTALL: Record<DistributionFamily, string> = {
  debian: 'apt-get install -y',
  fedora: 'dnf install -y',
  arch: 'pacman -S --noconfirm',
  alpine: 'apk add',
  suse: 'zypper install -y',
}

const LABELS: Record<DistributionFamily, string> = {
  debian: 'Debian, Ubuntu',
  fedora: 'Fedora, RHEL',
  arch: 'Arch',
  alpine: 'Alpine',
  suse: 'openSUSE',
}

const FAMILIES: Record<string, DistributionFamily> = {
  debian: 'debian',
  ubuntu: 'debian',
  fedora: 'fedora',
  rhel: 'fedora',
  centos: 'fedora',
  arch: 'arch',
  alpine: 'alpine',
  suse: 'suse',
  opensuse: 'suse',
}

/** newuidmap and newgidmap. */
export const UIDMAP_PACKAGE: PackageNames = {
  debian: 'uidmap',
  fedora: 'shadow-utils',
  arch: 'shadow',
  alpine: 'shadow-uidmap',
  suse: 'shadow',
}

/** The family in the text of /etc/os-release, by ID and ID_LIKE. */
export function distributionFamily(osRelease: string): DistributionFamily | undefined {
  const words = [...osRelease.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].flatMap(([, value]) =>
    (value ?? '').replace(/["']/g, '').split(/\s+/),
  )
  return words.map((word) => FAMILIES[word.replace(/-.*/, '')]).find((family) => family !== undefined)
}

/** The command that installs a package here; where the distribution is unknown, one line per family, each with its name. */
export function installCommands(family: DistributionFamily | undefined, names: PackageNames, isRoot = false): string[] {
  const sudo = isRoot ? '' : 'sudo '
  const known = family && names[family]
  if (known) return [`${sudo}${INSTALL[family]} ${known}`]
  return (Object.keys(INSTALL) as DistributionFamily[]).flatMap((each) =>
    names[each] ? [`${sudo}${INSTALL[each]} ${names[each]}   # ${LABELS[each]}`] : [],
  )
}
