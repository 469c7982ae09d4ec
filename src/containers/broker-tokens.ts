import type { BrokerKind } from '../rootless/broker.ts'
import type { Session } from '../rootless/session.ts'
import type { HostFacts } from './plan/context.ts'
import type { SourceUse } from './plan/sources.ts'
import { isCovered } from './plan/host-image.ts'
import type { ContainerSpec } from './spec.ts'

/** Lets the broker open what containers of real root could not: every source of a bind or a large file, the working directory, Node. */
export async function openByBroker(
  { broker }: Session,
  spec: ContainerSpec,
  host: HostFacts,
): Promise<ReadonlyMap<SourceUse, number>> {
  if (!broker) return new Map()
  const open = async (use: SourceUse, path: string, kind: BrokerKind): Promise<[SourceUse, number]> => [
    use,
    await broker.open(path, kind),
  ]
  const showsHost = spec.root === 'host'
  const opened = [
    ...spec.binds.map(({ source }, index) => open(`bind ${index}`, source, 'tree')),
    ...(showsHost && host.cwd !== undefined ? [open('cwd', host.cwd, 'tree')] : []),
    ...(showsHost && isCovered(host.nodeDirectory, host.hidden) ? [open('node', host.nodeDirectory, 'tree')] : []),
    ...spec.files.flatMap(({ from }, index) => ('path' in from ? [open(`file ${index}`, from.path, 'file')] : [])),
  ]
  return new Map(await Promise.all(opened))
}
