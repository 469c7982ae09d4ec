import type { Container, Network } from '../src/index.ts'
import { createNetwork, withContainer } from '../src/index.ts'
import type { NetworkPath, OpenPath } from './network-paths.ts'
import { plainLoopback } from './network-paths.ts'
import type { NetworkProgram, RunClient } from './network-program.ts'
import { IN_ROOTFS, SERVER_PORT, withNetworkProgram } from './network-program.ts'
import type { NetworkTable } from './network-rounds.ts'
import { measurePaths } from './network-rounds.ts'
import type { Section } from './samples.ts'

const tables: readonly NetworkTable[] = [
  { what: 'rtt', title: 'Container to container: 32 bytes there and back on an open connection' },
  { what: 'connect', title: 'Container to container: a new connection, and 32 bytes there and back on it' },
  {
    what: 'download',
    title: 'Container to container: bulk from the server, pieces of 128 KiB',
    notes: ['target: at least 0.5 of loopback'],
  },
  {
    what: 'upload',
    title: 'Container to container: bulk to the server, pieces of 128 KiB',
    notes: ['target: at least 0.5 of loopback'],
  },
]

/** Two containers on one network, the client knows the server by its name. */
export async function measureBridge(): Promise<Section[]> {
  return await withNetworkProgram((program) => measurePaths([plainLoopback, bridge], program, tables))
}

const bridge: NetworkPath = {
  name: 'airplant, two containers on a network',
  async open(program): Promise<OpenPath> {
    const opened: AsyncDisposable[] = []
    const close = async (): Promise<void> => {
      for (const each of opened.reverse()) await each[Symbol.asyncDispose]()
    }
    try {
      const network = await createNetwork()
      opened.push(network)
      opened.push(await startServer(program, network))
      const image = { rootfs: program.rootfs('client') }
      const client = await withContainer({ network, image, command: [IN_ROOTFS, 'server', '1'] })
      opened.push(client)
      return { at: { host: 'server', port: SERVER_PORT }, client: clientIn(client), close }
    } catch (error) {
      await close()
      throw error
    }
  },
}

function startServer(program: NetworkProgram, network: Network): Promise<Container> {
  return withContainer({
    ...{ network, name: 'server', image: { rootfs: program.rootfs('server') } },
    ...{ command: [IN_ROOTFS, 'server', `${SERVER_PORT}`], wait: { port: SERVER_PORT } },
  })
}

function clientIn(container: Container): RunClient {
  return async (args) => {
    const { exitCode, stdout, output } = await container.exec([IN_ROOTFS, ...args])
    if (exitCode !== 0) throw new Error(output.trim())
    return stdout
  }
}
