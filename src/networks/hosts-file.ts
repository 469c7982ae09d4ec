import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A name's address, as a line of /etc/hosts. */
export interface HostsEntry {
  readonly address: string
  readonly names: readonly string[]
}

/** A container may write what it likes into its own file; more than this is left as it is. */
const MOST_BYTES = 1024 * 1024

/**
 * It ended meanwhile, or has not begun: then it is written with what is known by then. Or the container took its file away from us, by its
 * mode, its owner or a lease (fcntl(2)): that is its own loss, and must not keep its neighbours from starting or leaving.
 */
const UNWRITABLE = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EAGAIN', 'ETXTBSY']

/** The lines about one network. */
export function hostsSection(network: string, entries: readonly HostsEntry[]): string {
  if (entries.length === 0) return ''
  const lines = entries.map(({ address, names }) => `${address}\t${names.join(' ')}\n`)
  return `${begin(network)}${lines.join('')}${end(network)}`
}

/**
 * The text with another section about that network; what else is in it stays.
 *
 * @example
 * replaceSection(text, 'web', hostsSection('web', [{ address: '10.89.0.5', names: ['db'] }]))
 */
export function replaceSection(text: string, network: string, section: string): string {
  const from = text.indexOf(begin(network))
  const to = from < 0 ? -1 : text.indexOf(end(network), from)
  if (to < 0) return section === '' ? text : `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${section}`
  return text.slice(0, from) + section + text.slice(to + end(network).length)
}

/**
 * Changes a container's hosts file in place: it is bind-mounted, so a new file of that name would not be seen. Whoever reads meanwhile
 * finds the old text or the new, never a part: one write, filled up with empty lines to the old size, then the rest is cut off.
 */
export function rewriteHosts(path: string, network: string, section: string): void {
  rewriteInPlace(path, (text) => replaceSection(text, network, section))
}

/** Names a server in a container's resolv.conf that has none. */
export function rewriteResolvConf(session: string, container: string, server: string): void {
  rewriteInPlace(join(session, 'containers', container, 'resolv.conf'), (text) =>
    /^nameserver /m.test(text) ? text : `nameserver ${server}\n`,
  )
}

function rewriteInPlace(path: string, change: (text: string) => string): void {
  let file: number
  try {
    file = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (UNWRITABLE.includes((error as NodeJS.ErrnoException).code ?? '')) return
    throw error
  }
  try {
    const { size } = fstatSync(file)
    if (size > MOST_BYTES) return
    const buffer = Buffer.alloc(size)
    const old = buffer.toString('utf8', 0, readSync(file, buffer, 0, size, 0))
    const text = Buffer.from(change(old))
    if (text.equals(buffer)) return
    const padding = Buffer.alloc(Math.max(0, size - text.length), '\n')
    writeSync(file, Buffer.concat([text, padding]), 0, Math.max(size, text.length), 0)
    ftruncateSync(file, text.length)
  } finally {
    closeSync(file)
  }
}

function begin(network: string): string {
  return `# network ${network}\n`
}

function end(network: string): string {
  return `# end of network ${network}\n`
}
