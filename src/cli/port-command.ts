import { parseBoundPorts } from '../containers/bound-ports.ts'
import type { PublishedPort } from '../containers/ports.ts'
import { AirplantError } from '../errors.ts'
import { hostSide } from './announce-ports.ts'
import type { Command } from './command.ts'
import { endOnSignals } from './end-on-signals.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

/** `airplant port`. */
export const portCommand: Command = {
  name: 'port',
  usage: 'CONTAINER [PORT[/udp]]',
  about: 'Shows where the published ports of a running container are, all or one.',
  flags: [],
  words: [1, 2],
  examples: ['airplant port web', 'curl http://$(airplant port web 80 | head -n 1)'],
  async run({ words: [container = '', port] }) {
    endOnSignals()
    const wanted = port === undefined ? undefined : readPort(port)
    const { findContainer } = await import('../containers/find-container.ts')
    const found = await findContainer(container, process.env)
    const ports = parseBoundPorts(found.listed.ports)
    await found[Symbol.asyncDispose]()
    await printText(boundLines(ports, wanted, container))
    return 0
  },
}

/** A port of the container. */
interface WantedPort {
  readonly container: number
  readonly protocol: string
}

function readPort(text: string): WantedPort {
  const [, number, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text) ?? []
  const container = Number(number)
  if (container >= 1 && container <= 65_535) return { container, protocol: protocol.toLowerCase() }
  throw usageError(`Cannot show port "${text}": not a port of a container`, 'Write 80, 80/tcp or 53/udp')
}

/**
 * Docker's lines: `80/tcp -> 127.0.0.1:8080` for all, `127.0.0.1:8080` for one.
 *
 * @throws {AirplantError} `ERR_PORT_NOT_PUBLISHED`
 */
export function boundLines(ports: readonly PublishedPort[], wanted: WantedPort | undefined, name: string): string {
  if (!wanted) {
    const sorted = ports.toSorted(
      (one, other) => one.container - other.container || compare(one.protocol, other.protocol),
    )
    return sorted.map((port) => `${port.container}/${port.protocol} -> ${hostSide(port)}\n`).join('')
  }
  const fitting = ports.filter((port) => port.container === wanted.container && port.protocol === wanted.protocol)
  if (fitting.length > 0) return fitting.map((port) => `${hostSide(port)}\n`).join('')
  throw new AirplantError({
    code: 'ERR_PORT_NOT_PUBLISHED',
    message: `Cannot show port ${wanted.container}/${wanted.protocol} of container "${name}": it is not published`,
    hint: ports.length > 0 ? `"airplant port ${name}" shows those that are` : 'Start it with -p',
    container: name,
  })
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}
