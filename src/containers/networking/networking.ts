import type { Attachment } from '../../networks/attachment.ts'
import type { Membership } from '../../networks/network.ts'

/** Of where a container is connected: what its plan, its files and its forwarder need to know. */
export interface Networking {
  /** The namespace that it is in: the host's, one of its own, or another container's. */
  readonly mode: 'none' | 'host' | 'networks' | 'container'
  readonly memberships: readonly Membership[]
  readonly attachments: readonly Attachment[]
  /** The container whose namespace it shares. */
  readonly shared: { readonly handle: number; readonly id: string } | undefined
  /** Whether other machines are reached. */
  readonly egress: boolean
}

/** Without any network, or with the host's. */
export function plainNetworking(mode: 'none' | 'host'): Networking {
  return { mode, memberships: [], attachments: [], shared: undefined, egress: mode === 'host' }
}
