import type { Session } from '../rootless/session.ts'
import { formatIp } from '../rootless/ip-address.ts'
import { formatSubnet } from './addresses/subnet.ts'
import type { Subnet } from './addresses/subnet.ts'
import { Network } from './network.ts'
import { namePaths } from './name-paths.ts'
import { gatewayOf, planNames, planNetwork } from './network-plan.ts'
import type { NetworkPaths, NetworkRecord } from './network-record.ts'
import { writeRecord } from './network-record.ts'

/** A network to be, with everything decided. */
export interface PlannedNetwork {
  readonly id: string
  readonly name: string
  readonly subnet: Subnet
  readonly subnet6: Subnet | undefined
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
}

/** Starts the process that is the network, for as long as the session lives, and makes it known. */
export async function holdNetwork(session: Session, paths: NetworkPaths, planned: PlannedNetwork): Promise<Network> {
  const { id, name, subnet, subnet6, internal, labels } = planned
  const gateways = [gatewayOf(subnet), ...(subnet6 ? [gatewayOf(subnet6)] : [])]
  const plan = planNames(planNetwork(subnet, subnet6), gateways, namePaths(session.directory, id))
  const held = await session.client.spawn({
    ...{ kind: 'helper', id: `network ${name}`, poolNetwork: true, lasting: true, plan },
  })
  const record: NetworkRecord = {
    ...{ id, name, internal, labels, handle: held.handle },
    ...{ subnet: formatSubnet(subnet), gateway: formatIp(gatewayOf(subnet)) },
    ...{ subnet6: subnet6 && formatSubnet(subnet6), gateway6: subnet6 && formatIp(gatewayOf(subnet6)) },
    created: new Date().toISOString(),
  }
  const network = new Network(record, session)
  try {
    await network.serveNames()
    writeRecord(paths, record)
  } catch (error) {
    await held.remove().catch(() => undefined)
    throw error
  }
  return network
}
