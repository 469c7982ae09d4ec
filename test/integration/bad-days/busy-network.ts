import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { withContainer, type Session } from '../../../src/index.ts'
import { OWN_NETWORK, Plan } from '../../../src/rootless/protocol/plan.ts'
import { pidInKeeper } from '../../support/forwarders.ts'
import { frameServer } from '../../support/frame-server.ts'
import { UdpClient } from '../../support/udp-client.ts'

/** Bulk, resets, datagrams of many clients, answers and refusals: through published ports and through gates. */
export async function useNetwork(session: Session, rootfs: string, directory: string): Promise<void> {
  const ports = [{ container: 7000 }, { container: 7000, protocol: 'udp' as const }, 9]
  const command = ['sh', '-c', 'while :; do nc -l -p 7000 -e cat; done & nc -u -l -p 7000 -e cat & exec sleep 60']
  await withContainer({ session, image: { rootfs }, ports, command }, async (container) => {
    const [tcp, , udp, , silent] = container.publishedPorts.map(({ host }) => host)
    for (let round = 0; round < 5; round++) await echoThrough(tcp ?? 0, 3_000_000).catch(() => undefined)
    await echoThrough(silent ?? 0, 10).catch(() => undefined)
    await datagramsThrough(udp ?? 0, 1100)
    const pid = (await session.client.list()).find(({ id }) => id === container.id)?.hostPid ?? 0
    await useGates(session, directory, `/proc/${pidInKeeper(pid)}/ns/net`)
    // Gone in the middle of it.
    const cut = echoThrough(tcp ?? 0, 100_000_000).catch(() => undefined)
    await container[Symbol.asyncDispose]()
    await cut
  })
}

async function useGates(session: Session, directory: string, network: string): Promise<void> {
  await using frames = await frameServer(join(directory, 'frames'), 'in pieces')
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(
    join(directory, 'echo'),
  )
  await once(echo, 'listening')
  const plan = new Plan()
    .openFile(0, network)
    .socket(1, 0, 'tcp', '127.0.0.1', 53)
    .gate(1, '127.0.0.1', 9)
    .socket(2, OWN_NETWORK, 'tcp', '127.0.0.1', 34_727)
    .gate(2, join(directory, 'nobody'), 0)
    .gate(2, join(directory, 'echo'), 0)
    .socket(3, OWN_NETWORK, 'udp', '127.0.0.1', 34_727)
    .gate(3, join(directory, 'frames'), 0)
    .socket(4, OWN_NETWORK, 'udp', '127.0.0.1', 34_728)
    .gate(4, '127.0.0.1', 9)
    .gate(4, '127.0.0.1', 34_727)
    .forward()
  await using helper = await session.client.spawn({ kind: 'helper', plan })
  await Promise.all([echoThrough(34_727, 3_000_000), datagramsThrough(34_727, 100), datagramsThrough(34_728, 100)])
  echo.close()
  if (frames.connections === 0) throw new Error(`Nobody came through the gates of ${helper.handle}`)
}

async function echoThrough(port: number, size: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(Buffer.alloc(size, 'echo'))
  const echoed = await buffer(socket)
  // A Unix socket is told the client's address first.
  if (echoed.length !== size + 16) throw new Error(`${echoed.length - 16} of ${size} bytes came back`)
}

async function datagramsThrough(port: number, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: count }, () => UdpClient.connect({ host: '127.0.0.1', port })))
  for (const size of [0, 1, 1000]) await Promise.all(clients.map((client) => client.send(Buffer.alloc(size, 'abc'))))
  await clients.at(-1)?.ask('last', 200)
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
}
