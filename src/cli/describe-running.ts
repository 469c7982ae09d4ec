import type { FoundContainer } from '../containers/find-container.ts'
import type { Membership } from '../networks/network.ts'
import { describeNetworkSettings, shownName } from './describe-network-settings.ts'

/**
 * What `airplant inspect` prints of a running container: docker's names, as far as they mean something here.
 *
 * @param places its networks, in the order of its interfaces
 */
export function describeRunning(
  { listed, meta }: Pick<FoundContainer, 'listed' | 'meta'>,
  places: readonly Membership[],
): Record<string, unknown> {
  const { id, state, hostPid } = listed
  const { name = '', image, imageId = '', driver = '', command, labels, started } = meta
  const [path = '', ...args] = command
  const startedAt = new Date(started).toISOString()
  return {
    ...{ Id: id, Name: name, Created: startedAt, Path: path, Args: args },
    State: {
      ...{ Status: state, Running: state === 'running' || state === 'paused', Paused: state === 'paused' },
      ...{ Pid: state === 'exited' ? 0 : hostPid, StartedAt: startedAt },
    },
    ...{ Image: imageId || image, Driver: driver },
    Config: { Image: image, Cmd: command, Labels: labels },
    HostConfig: {
      NetworkMode: meta.network === 'networks' ? (places[0] ? shownName(places[0].network) : 'none') : meta.network,
    },
    NetworkSettings: describeNetworkSettings(listed.ports, places),
  }
}
