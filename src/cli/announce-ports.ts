import type { Container } from '../containers/container.ts'
import type { ContainerOptions } from '../containers/options.ts'
import type { PublishedPort } from '../containers/ports.ts'
import { publishedSpecs } from '../containers/ports.ts'

/** Says on stderr where ports are that nobody can know yet. */
export function announcePorts({ publishedPorts, networkMode }: Container, { ports = [] }: ContainerOptions): void {
  const text =
    networkMode === 'host'
      ? 'airplant: Published ports are ignored with the network of the host\n'
      : portLines(publishedPorts, ports)
  if (text !== '') process.stderr.write(text)
}

/** A line for each port whose number was not given; of a pair on 127.0.0.1 and ::1 the first. */
export function portLines(published: readonly PublishedPort[], ports: NonNullable<ContainerOptions['ports']>): string {
  const named = (typeof ports === 'string' ? [] : ports).filter((port) => port !== 'exposed')
  const chosen = named
    .flatMap((port) => publishedSpecs(port))
    .filter(({ host, lastHost }) => host !== 0 && host === lastHost)
    .map(({ host, protocol }) => `${host}/${protocol}`)
  const seen = new Set<string>()
  return published
    .filter(({ host, container, protocol }) => {
      const pair = `${host} ${container} ${protocol}`
      return !chosen.includes(`${host}/${protocol}`) && !seen.has(pair) && seen.add(pair)
    })
    .map((port) => `${hostSide(port)} -> ${port.container}${port.protocol === 'udp' ? '/udp' : ''}\n`)
    .join('')
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function hostSide({ address, host }: PublishedPort): string {
  return `${address.includes(':') ? `[${address}]` : address}:${host}`
}
