import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { parseReference } from '../../../src/images/reference.ts'
import { readCertificates } from '../../../src/images/registry/certificates.ts'
import type { RegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { noRegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { Transport } from '../../../src/images/registry/transport.ts'
import {
  makeCertificate,
  startHostileRegistry,
  type Script,
  type TestCertificate,
} from '../../support/hostile-registry.ts'
import { named, quickClient, someManifest, thrownBy } from './hostile-client.ts'

const hasIt: Script = (_, response) => {
  response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(someManifest)
}

describe('TLS', () => {
  let certificate: TestCertificate
  let home: string
  beforeAll(() => {
    certificate = makeCertificate()
    home = mkdtempSync(join(tmpdir(), 'airplant-certs-'))
  })
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  const mirroredAt = (host: string): RegistriesConfig => ({
    ...noRegistriesConfig,
    registries: [
      {
        prefix: 'secure.example',
        source: 'a test',
        mirrors: [{ location: { scheme: 'https', host, path: '' }, digestOnly: false, insecure: true }],
        insecure: false,
        blocked: false,
        location: { scheme: 'http', host: '127.0.0.1:1', path: '' },
      },
    ],
  })

  test('on loopback is found behind a port that does not speak HTTP', async () => {
    await using registry = await startHostileRegistry(hasIt, certificate)
    await using client = quickClient()
    expect((await client.getManifest(named(registry.host))).mediaType).toBe(mediaTypes.ociManifest)
  })

  test('by an authority of certs.d', async () => {
    await using registry = await startHostileRegistry(hasIt, certificate)
    const directory = join(home, '.config', 'containers', 'certs.d', registry.host)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'ca.crt'), certificate.cert)
    const { ca } = await readCertificates(registry.host, { HOME: home })
    expect(ca).toContain(certificate.cert)
    expect(ca!.length).toBeGreaterThan(50)
    await using trusting = new Transport({ HOME: home })
    const request = { method: 'GET', url: new URL(`${registry.url}/v2/`), headers: {} } as const
    expect((await trusting.request(request)).status).toBe(200)
    await using strict = new Transport({ HOME: '/nonexistent' })
    expect(await thrownBy(strict.request(request))).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })

  test('shows a certificate of its own', async () => {
    const directory = join(home, '.config', 'containers', 'certs.d', 'client.example')
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'client.cert'), certificate.cert)
    const lacking = await thrownBy(readCertificates('client.example', { HOME: home }))
    expect(lacking).toMatchObject({ code: 'ERR_REGISTRY_AUTH', message: expect.stringContaining('client.key') })
    writeFileSync(join(directory, 'client.key'), certificate.key)
    expect(await readCertificates('client.example', { HOME: home })).toEqual({
      cert: certificate.cert,
      key: certificate.key,
    })
    expect(await readCertificates('../certs.d/client.example', { HOME: home })).toEqual({})
  })

  test('is not verified where that is said', async () => {
    await using registry = await startHostileRegistry(hasIt, certificate)
    await using client = quickClient({ config: mirroredAt(registry.host) })
    await client.getManifest(parseReference('secure.example/app:1'))
    expect(registry.requests).toHaveLength(1)
  })
})
