import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a request asked for, as the server saw it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** A server whose answers a test writes. */
export interface HostileRegistry extends AsyncDisposable {
  readonly url: string
  readonly host: string
  /** All requests so far. */
  readonly requests: readonly SeenRequest[]
}

/** Answers one request; `count` says how many came before it. */
export type Script = (request: IncomingMessage, response: ServerResponse, count: number) => void | Promise<void>

/** PEM texts of a server that calls itself 127.0.0.1. */
export interface TestCertificate {
  readonly key: string
  readonly cert: string
}

/**
 * Starts a server on loopback that answers as the script says.
 *
 * @example
 * await using registry = await startHostileRegistry((request, response) => void response.writeHead(500).end())
 */
export async function startHostileRegistry(script: Script, certificate?: TestCertificate): Promise<HostileRegistry> {
  const requests: SeenRequest[] = []
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const count = requests.length
    requests.push({ method: request.method!, url: request.url!, headers: request.headers })
    // A client that cuts the connection is no failure of the server's.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    Promise.resolve(script(request, response, count)).catch(() => response.destroy())
  }
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener)
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `${certificate ? 'https' : 'http'}://${host}`,
    host,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A wire to another server that is cut after some bytes. */
export interface CuttingWire extends AsyncDisposable {
  readonly host: string
  readonly url: string
  /** How many connections were made. */
  readonly connections: number
}

/**
 * Passes bytes to a server and back, and cuts each connection where `cuts` says.
 *
 * @param cuts bytes after which connection number `count` is cut, up (to the server) and down; undefined lets it be
 */
export async function startCuttingWire(
  target: string,
  cuts: (count: number) => { up?: number; down?: number } | undefined,
): Promise<CuttingWire> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createTcpServer((near) => {
    const [host, port] = target.split(':')
    const far = connect(Number(port), host)
    const limits = cuts(connections++)
    pass(near, far, limits?.up)
    pass(far, near, limits?.down)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => undefined)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    url: `http://${host}`,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function pass(from: Socket, to: Socket, limit = Infinity): void {
  let left = limit
  from.on('data', (chunk: Buffer) => {
    const allowed = chunk.subarray(0, left)
    left -= allowed.length
    const cut = (): void => {
      if (left > 0) return
      from.destroy()
      to.destroySoon()
    }
    if (allowed.length > 0) to.write(allowed, cut)
    else cut()
  })
  from.on('end', () => to.end())
  from.on('close', () => to.destroy())
}

/** A certificate that nobody trusts, made by openssl. */
export function makeCertificate(): TestCertificate {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-certificate-'))
  try {
    const [keyPath, certPath] = [join(directory, 'key'), join(directory, 'cert')]
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
        .concat(['-subj', '/CN=airplant tests', '-addext', 'subjectAltName=IP:127.0.0.1'])
        .concat(['-keyout', keyPath, '-out', certPath]),
      { stdio: 'ignore' },
    )
    return { key: readFileSync(keyPath, 'utf8'), cert: readFileSync(certPath, 'utf8') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
