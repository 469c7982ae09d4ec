import { once } from 'node:events'
import { createServer, request as ask, type IncomingHttpHeaders } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { parseReference } from '../../../src/images/reference.ts'
import { loadRegistriesConfig } from '../../../src/images/registry/load-registries-config.ts'
import { RegistryClient } from '../../../src/images/registry/registry-client.ts'
import { makeCertificate, startHostileRegistry, type Script } from '../../support/hostile-registry.ts'
import { startRegistry } from '../../support/registry.ts'
import { collect, descriptorOf, someManifest, thrownBy } from './hostile-client.ts'

/** A proxy that leads every name to one address, for who has its password. */
async function startProxy(target: string) {
  const asked: string[] = []
  const [host = '', port] = target.split(':')
  const mayPass = (headers: IncomingHttpHeaders) =>
    headers['proxy-authorization'] === `Basic ${Buffer.from('me:pass').toString('base64')}`
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (!mayPass(request.headers)) return void response.writeHead(407).end()
    const { pathname, search } = new URL(request.url!)
    const { method, headers } = request
    const onward = ask({ host, port, method, path: pathname + search, headers }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode!, answer.headers))
    })
    request.pipe(onward)
  })
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`)
    if (!mayPass(request.headers)) return void socket.end('HTTP/1.1 407 No\r\n\r\n')
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Yes\r\n\r\n')
      socket.pipe(far).pipe(socket)
    })
    for (const each of [socket, far]) each.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const clientWith = async (env: NodeJS.ProcessEnv) =>
  new RegistryClient({ env, config: await loadRegistriesConfig(env), firstDelay: 1 })
const hasIt: Script = (_, response) => {
  response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(someManifest)
}

test('a registry of https is reached through a tunnel', async () => {
  await using registry = await startHostileRegistry(hasIt, makeCertificate())
  await using proxy = await startProxy(registry.host)
  const env = {
    HOME: '/nonexistent',
    HTTPS_PROXY: `me:pass@${proxy.address}`,
    AIRPLANT_INSECURE_REGISTRIES: 'registry.invalid',
  }
  await using client = await clientWith(env)
  await client.getManifest(parseReference('registry.invalid/app:1'))
  expect(proxy.asked).toEqual(['CONNECT registry.invalid:443'])
  expect(registry.requests[0]!.headers).toMatchObject({ host: 'registry.invalid' })
  expect(registry.requests[0]!.headers).not.toHaveProperty('proxy-authorization')
})

test('a registry of plain http is asked for by the proxy, uploads too', async () => {
  await using registry = await startRegistry()
  await using proxy = await startProxy(registry.host)
  const env = {
    HOME: '/nonexistent',
    HTTP_PROXY: `http://me:pass@${proxy.address}`,
    AIRPLANT_REGISTRY_MIRROR: 'http://registry.invalid:5000',
  }
  await using client = await clientWith({ ...env, AIRPLANT_INSECURE_REGISTRIES: 'registry.invalid:5000' })
  const blob = Buffer.from('through the proxy')
  const reference = parseReference('registry.invalid:5000/a/app')
  // https comes first, and nobody has the name.
  const open = () => Readable.from([blob])
  await client.pushBlob(reference, descriptorOf(blob), open)
  expect((await collect(await client.openBlob(reference, descriptorOf(blob)))).equals(blob)).toBe(true)
  expect(proxy.asked.some((each) => each.startsWith('PUT http://registry.invalid:5000/'))).toBe(true)
  expect(proxy.asked.every((each) => each.includes('registry.invalid:5000'))).toBe(true)
})

test.each(['https', 'http'])('a proxy that refuses is an error that names it, for %s', async (scheme) => {
  await using proxy = await startProxy('127.0.0.1:1')
  const env = {
    HOME: '/nonexistent',
    HTTPS_PROXY: proxy.address,
    HTTP_PROXY: proxy.address,
    AIRPLANT_REGISTRY_MIRROR: `registry.invalid=${scheme}://mirror.invalid`,
  }
  await using client = await clientWith(env)
  const error = await thrownBy(client.getManifest(parseReference('registry.invalid/app:1')))
  expect(error).toMatchObject({ message: expect.stringMatching(/407/) })
})
