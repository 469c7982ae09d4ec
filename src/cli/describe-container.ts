import { parseBoundPorts } from '../containers/bound-ports.ts'
import type { FoundContainer } from '../containers/find-container.ts'
import type { ContainerExit } from '../containers/running-container.ts'
import { hostSide } from './announce-ports.ts'
import { programExitCode } from './exit-codes.ts'
import { humanAge } from './human.ts'
import type { Row } from './print-list.ts'
import { shorten } from './print-list.ts'

/** A container of which a line is printed. */
export interface ShownContainer extends Pick<FoundContainer, 'listed' | 'meta'> {
  /** Undefined while it runs, and when nobody knows. */
  readonly exit: ContainerExit | undefined
}

/** Docker's names of fields and their headings; `Test` is ours. */
export const containerHeadings: Row = {
  ...{ ID: 'CONTAINER ID', Image: 'IMAGE', Command: 'COMMAND', RunningFor: 'CREATED', CreatedAt: 'CREATED AT' },
  ...{ Status: 'STATUS', State: 'STATE', Ports: 'PORTS', Names: 'NAMES', Labels: 'LABELS', Networks: 'NETWORKS' },
  Test: 'TEST',
}

const COMMAND_LENGTH = 20

/** What `airplant ps` prints of a container. @param now in ms since 1970 */
export function containerRow(shown: ShownContainer, { now, whole }: { now: number; whole: boolean }): Row {
  const { listed, meta } = shown
  const { name = '', image, command, labels, started, network } = meta
  const created = new Date(started).toISOString()
  const text = command.join(' ')
  return {
    ...{ ID: listed.id, Image: image, Names: name, State: listed.state, Networks: network, CreatedAt: created },
    Command: `"${whole ? text : shorten(text, COMMAND_LENGTH)}"`,
    RunningFor: humanAge(created, now),
    Status: statusOf(shown, humanAge(created, now)),
    Ports: portsOf(listed.ports),
    Labels: Object.entries(labels).map(([label, value]) => `${label}=${value}`).join(','), // prettier-ignore
    Test: labels['airplant.test'] ?? labels['airplant.service'] ?? '',
  }
}

function statusOf({ listed: { state }, exit }: ShownContainer, age: string): string {
  if (state === 'starting') return 'Created'
  if (state === 'exited') return `Exited${exit ? ` (${programExitCode(exit)})` : ''}`
  return `Up ${age.replace(/ ago$/, '')}${state === 'paused' ? ' (Paused)' : ''}`
}

function portsOf(text: string): string {
  return parseBoundPorts(text).map((port) => `${hostSide(port)}->${port.container}/${port.protocol}`).join(', ') // prettier-ignore
}
