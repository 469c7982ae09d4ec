import type { Network } from '../network.ts'
import type { IpAddress } from '../addresses/ip-address.ts'
import { gatewayOf } from '../network-plan.ts'

/** Where a container with a way out sends its packets. */
export function egressGateways({ subnets: { subnet, subnet6 } }: Network): {
  gateway: IpAddress | undefined
  gateway6: IpAddress | undefined
} {
  return { gateway: gatewayOf(subnet), gateway6: subnet6 && gatewayOf(subnet6) }
}

export async function openEgress(
  network: Network,
  program: 'slirp4netns' | 'pasta' | undefined,
  container: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await Promise.resolve([network, program, container, env])
}
