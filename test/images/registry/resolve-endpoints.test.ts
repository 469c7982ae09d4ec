import { expect, test } from 'vitest'
import { parseRegistries } from '../../../src/images/registry/parse-registries.ts'
import { checkLocation } from '../../../src/images/registry/parse-registries.ts'
import type { RegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { noRegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { resolveEndpoints } from '../../../src/images/registry/resolve-endpoints.ts'
import { parseReference } from '../../../src/images/reference.ts'

function config(
  registries: object,
  mirrors: Record<string, string> = {},
  insecureHosts: string[] = [],
): RegistriesConfig {
  return {
    registries: parseRegistries(JSON.stringify({ registries }), '/registries.json'),
    mirrors: Object.entries(mirrors).map(([prefix, location]) => ({
      prefix,
      location: checkLocation(location, 'test'),
      digestOnly: false,
      insecure: false,
    })),
    insecureHosts,
  }
}

/** "baseUrl repository", with the marks that differ from the usual. */
function places(name: string, settings: RegistriesConfig = noRegistriesConfig): string[] {
  return resolveEndpoints(parseReference(name), settings).map(
    ({ baseUrl, repository, insecureTls, isMirror }) =>
      `${baseUrl} ${repository}${insecureTls ? ' insecure' : ''}${isMirror ? ' mirror' : ''}`,
  )
}

test.each([
  ['postgres', ['https://registry-1.docker.io library/postgres']],
  ['ghcr.io/team/app:1', ['https://ghcr.io team/app']],
  ['localhost:5000/app', ['http://localhost:5000 app', 'https://localhost:5000 app insecure']],
  ['127.0.0.1:5000/app', ['http://127.0.0.1:5000 app', 'https://127.0.0.1:5000 app insecure']],
  ['127.9.9.9/app', ['http://127.9.9.9 app', 'https://127.9.9.9 app insecure']],
  ['[::1]:5000/app', ['http://[::1]:5000 app', 'https://[::1]:5000 app insecure']],
  ['localhost:443/app', ['https://localhost:443 app insecure']],
  ['10.0.0.1:5000/app', ['https://10.0.0.1:5000 app']],
  ['127.0.0.1.example.com/app', ['https://127.0.0.1.example.com app']],
])('without configuration %s is asked at %j', (name, expected) => {
  expect(places(name)).toEqual(expected)
})

test('mirrors come before the registry, and take its place before the name', () => {
  const settings = config({
    'docker.io': { mirrors: [{ location: 'http://127.0.0.1:5000' }, { location: 'mirror.example/hub' }] },
  })
  expect(places('postgres', settings)).toEqual([
    'http://127.0.0.1:5000 library/postgres mirror',
    'https://mirror.example hub/library/postgres mirror',
    'https://registry-1.docker.io library/postgres',
  ])
  expect(places('ghcr.io/app', settings)).toEqual(['https://ghcr.io app'])
})

test('the longest prefix counts, alone, and ends between two parts of a name', () => {
  const settings = config({
    'docker.io': { mirrors: [{ location: 'all.example' }] },
    'docker.io/library': { mirrors: [{ location: 'library.example/official' }] },
    'docker.io/lib': { blocked: true },
  })
  expect(places('postgres', settings)[0]).toBe('https://library.example official/postgres mirror')
  expect(places('postgres', settings)).toHaveLength(2)
  expect(places('library2/x', settings)[0]).toBe('https://all.example library2/x mirror')
})

test("a location takes the prefix's place", () => {
  const settings = config({
    'docker.io/library': { location: 'mirror.example/hub/library' },
    'ghcr.io': { location: 'docker.io/ghcr' },
    'quay.io/a/b': { location: 'mirror.example' },
  })
  expect(places('postgres', settings)).toEqual(['https://mirror.example hub/library/postgres'])
  expect(places('ghcr.io/x/y', settings)).toEqual(['https://registry-1.docker.io ghcr/x/y'])
  expect(places('quay.io/a/b/c', settings)).toEqual(['https://mirror.example c'])
  expect(() => places('quay.io/a/b', settings)).toThrow('in that place it has no repository')
})

test('mirrors of the environment come first, whatever the file says of a longer prefix', () => {
  const settings = config(
    { 'docker.io/library': { mirrors: [{ location: 'file.example' }] } },
    { 'docker.io': 'http://127.0.0.1:5000', 'ghcr.io': 'ghcr.example' },
  )
  expect(places('postgres', settings)).toEqual([
    'http://127.0.0.1:5000 library/postgres mirror',
    'https://file.example postgres mirror',
    'https://registry-1.docker.io library/postgres',
  ])
})

test('a mirror for digests only is not asked for a tag', () => {
  const settings = config({ 'docker.io': { mirrors: [{ location: 'mirror.example', digestOnly: true }] } })
  expect(places('postgres:17', settings)).toHaveLength(1)
  expect(places(`postgres:17@sha256:${'0'.repeat(64)}`, settings)).toEqual([
    'https://mirror.example library/postgres mirror',
    'https://registry-1.docker.io library/postgres',
  ])
})

test('where it is said that a host may be insecure, https comes first', () => {
  const expected = ['https://10.0.0.1:5000 app insecure', 'http://10.0.0.1:5000 app']
  expect(places('10.0.0.1:5000/app', config({ '10.0.0.1:5000': { insecure: true } }))).toEqual(expected)
  expect(places('10.0.0.1:5000/app', config({}, {}, ['10.0.0.1:5000']))).toEqual(expected)
  const mirrors = [
    { location: 'https://a.example', insecure: true },
    { location: 'http://b.example' },
    { location: 'c.example' },
  ]
  expect(places('postgres', config({ 'docker.io': { mirrors } }, {}, ['c.example']))).toEqual([
    'https://a.example library/postgres insecure mirror',
    'http://b.example library/postgres mirror',
    'https://c.example library/postgres insecure mirror',
    'http://c.example library/postgres mirror',
    'https://registry-1.docker.io library/postgres',
  ])
})

test('a scheme that is configured is the only one', () => {
  expect(places('localhost:5000/app', config({ 'localhost:5000': { location: 'https://localhost:5000' } }))).toEqual([
    'https://localhost:5000 app insecure',
  ])
})

test('credentials are those of the host that is asked', () => {
  const settings = config({ 'docker.io': { mirrors: [{ location: 'http://127.0.0.1:5000/hub' }] } })
  const keys = resolveEndpoints(parseReference('postgres'), settings).map(({ credentialsKey }) => credentialsKey)
  expect(keys).toEqual(['127.0.0.1:5000', 'docker.io'])
})

test('a blocked registry is not asked, nor are its mirrors', () => {
  const settings = config({ 'docker.io': { blocked: true } }, { 'docker.io': 'http://127.0.0.1:5000' })
  expect(() => places('postgres', settings)).toThrow(
    expect.objectContaining({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: expect.stringContaining('"docker.io" is blocked') as string,
      hint: expect.stringContaining('/registries.json') as string,
    }),
  )
})
