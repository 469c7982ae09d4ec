import { execFileSync } from 'node:child_process'
import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { testRegistry } from '../../support/test-images.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const registry = testRegistry()

test.for([
  ['debian', ['bookworm', '12', 'latest']],
  ['busybox', ['1', 'latest']],
  ['redis', ['7', '7-healthcheck', 'latest']],
  ['postgres', ['15', '15-healthcheck', 'latest']],
  ['mariadb', ['10', 'latest']],
  ['nginx', ['1', 'latest']],
  ['nats', ['2', 'latest']],
  ['rabbitmq', ['3', '3-management', 'latest']],
] as const)('%s has the tags that its version gives', async ([name, tags]) => {
  const answer = await fetch(`http://${registry.host}/v2/library/${name}/tags/list`)
  expect(await answer.json()).toMatchObject({ tags: expect.arrayContaining([...tags]) })
})

test('the images are of several kinds: an index, a Docker manifest, an OCI manifest with a zstd layer', () => {
  expect(inspect('--raw', 'debian:12')).toMatchObject({
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ platform: { os: 'linux' } }, { platform: { os: 'linux' } }],
  })
  expect(inspect('--raw', 'redis:7')).toMatchObject({
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
  })
  const nginx = inspect('--raw', 'nginx:1') as { layers: { mediaType: string }[] }
  expect(nginx.layers.map(({ mediaType }) => mediaType.split('+').at(-1))).toEqual(['gzip', 'zstd', 'gzip'])
})

test('all but busybox share the layer of the base system', () => {
  const layersOf = (name: string) => (inspect(name) as { Layers: string[] }).Layers
  const [base] = layersOf('debian:12')
  for (const name of ['redis:7', 'postgres:15', 'mariadb:10', 'nginx:1', 'nats:2']) expect(layersOf(name)[0]).toBe(base)
  expect(layersOf('busybox:1')).not.toContain(base)
})

test("postgres has the configuration of Docker Hub's", () => {
  expect(inspect('--config', 'postgres:15')).toMatchObject({
    config: {
      Env: expect.arrayContaining(['PGDATA=/var/lib/postgresql/data', 'PG_MAJOR=15']),
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['postgres'],
      ExposedPorts: { '5432/tcp': {} },
      Volumes: { '/var/lib/postgresql/data': {} },
      StopSignal: 'SIGINT',
    },
  })
})

function inspect(...args: string[]): unknown {
  const name = args.pop()!
  const options = ['--insecure-policy', 'inspect', '--tls-verify=false', '--no-creds', ...args]
  return JSON.parse(
    execFileSync('skopeo', [...options, `docker://${registry.host}/library/${name}`], { encoding: 'utf8' }),
  )
}
