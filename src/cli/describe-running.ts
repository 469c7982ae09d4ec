import type { FoundContainer } from '../containers/find-container.ts'

/** What `airplant inspect` prints of a running container: docker's names, as far as they mean something here. */
export function describeRunning({ listed, meta }: Pick<FoundContainer, 'listed' | 'meta'>): Record<string, unknown> {
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
  }
}
