/** First components of paths in a root file system, none of which occur in image archives (Filesystem Hierarchy Standard). */
export const rootFileSystemNames: ReadonlySet<string> = new Set([
  ...['bin', 'boot', 'dev', 'etc', 'home', 'lib', 'lib32', 'lib64', 'media', 'mnt', 'opt', 'proc', 'root', 'run'],
  ...['sbin', 'srv', 'sys', 'tmp', 'usr', 'var'],
])
