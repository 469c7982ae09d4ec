import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Credentials } from '../../../../src/images/registry/credentials/credentials.ts'
import { findCredentials } from '../../../../src/images/registry/credentials/find-credentials.ts'
import { base64, makeHome } from './homes.ts'

const entry = (name: string) => ({ auth: base64(name, `${name}'s password`) })
const found = (name: string, source: string): Credentials => ({
  kind: 'password',
  username: name,
  password: `${name}'s password`,
  source,
})

test('without any file a pull is anonymous', async () => {
  const { env } = makeHome()
  expect(await findCredentials('docker.io', 'library/postgres', { env })).toBeUndefined()
})

test('the places are asked in their order, and one without an entry for the registry is passed over', async () => {
  const home = makeHome()
  const { env } = home
  const find = (): Promise<Credentials | undefined> => findCredentials('example.com', 'app', { env, uid: 1 })
  const auths = (name: string): object => ({
    auths: { 'other.example.com': entry('other'), 'example.com': entry(name) },
  })
  const config = home.write('.config/containers/auth.json', auths('config'))
  expect(await find()).toEqual(found('config', config))
  const runtime = home.write('run/containers/auth.json', auths('runtime'))
  expect(await find()).toEqual(found('runtime', runtime))
  env.REGISTRY_AUTH_FILE = home.write('chosen.json', auths('chosen'))
  expect(await find()).toEqual(found('chosen', env.REGISTRY_AUTH_FILE))
  const docker = home.write('.docker/config.json', auths('docker'))
  expect(await find()).toEqual(found('docker', docker))
  env.DOCKER_CONFIG = join(home.directory, 'elsewhere')
  expect(await find()).toEqual(found('chosen', env.REGISTRY_AUTH_FILE))
  const elsewhere = home.write('elsewhere/config.json', auths('elsewhere'))
  expect(await find()).toEqual(found('elsewhere', elsewhere))
  env.DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'else.example.com': entry('else') } })
  expect(await find()).toEqual(found('elsewhere', elsewhere))
  env.DOCKER_AUTH_CONFIG = JSON.stringify(auths('variable'))
  expect(await find()).toEqual(found('variable', 'DOCKER_AUTH_CONFIG'))
  const given = { 'example.com': found('given', 'options') }
  expect(await findCredentials('example.com', 'app', { env, credentials: given })).toEqual(found('given', 'options'))
  expect(await findCredentials('mirror.example.com', 'app', { env, credentials: given })).toBeUndefined()
})

test.each(['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io', 'https://docker.io'])(
  'a login to Docker Hub is found under %s',
  async (key) => {
    const home = makeHome()
    const path = home.write('.docker/config.json', { auths: { [key]: entry('me') } })
    expect(await findCredentials('docker.io', 'library/postgres', home)).toEqual(found('me', path))
    expect(await findCredentials('example.com', 'library/postgres', home)).toBeUndefined()
  },
)

test('the key that Docker writes wins over older spellings', async () => {
  const home = makeHome()
  const auths = {
    'docker.io': entry('old'),
    'https://index.docker.io/v1/': entry('new'),
    'index.docker.io': entry('older'),
  }
  home.write('.docker/config.json', { auths })
  expect(await findCredentials('docker.io', 'a/b', home)).toMatchObject({ username: 'new' })
})

test('the longest prefix wins', async () => {
  const home = makeHome()
  home.write('.docker/config.json', {
    auths: {
      'example.com': entry('all'),
      'example.com/team/app': entry('app'),
      'example.com/team': entry('team'),
      'example.com/team/empty': {},
    },
  })
  const user = (repository: string): Promise<unknown> => findCredentials('example.com', repository, home)
  expect(await user('team/app')).toMatchObject({ username: 'app' })
  expect(await user('team/app/sub')).toMatchObject({ username: 'app' })
  expect(await user('team/application')).toMatchObject({ username: 'team' })
  expect(await user('team/empty')).toMatchObject({ username: 'team' })
  expect(await user('teams')).toMatchObject({ username: 'all' })
})

test.each([
  [{ identitytoken: 'T' }, { kind: 'identity-token', token: 'T' }],
  [{ registrytoken: 'T' }, { kind: 'registry-token', token: 'T' }],
  [
    { auth: base64('00000000', ''), identitytoken: 'T' },
    { kind: 'identity-token', token: 'T' },
  ],
  [
    { username: 'me', password: 'p' },
    { kind: 'password', username: 'me', password: 'p' },
  ],
  [{ auth: base64('me', 'a:b:c') }, { kind: 'password', username: 'me', password: 'a:b:c' }],
  [{ auth: base64('me', 'ü\0\0') }, { kind: 'password', username: 'me', password: 'ü' }],
  [{ auth: base64('me', '') }, { kind: 'password', username: 'me', password: '' }],
  [{ auth: base64('me', 'p').replace(/=+$/, '') }, { kind: 'password', username: 'me', password: 'p' }],
  [{ email: 'me@example.com' }, undefined],
  [null, undefined],
])('the entry %j is understood', async (value, expected) => {
  const home = makeHome()
  home.write('.docker/config.json', { auths: { 'example.com': value }, psFormat: 'x', plugins: {} })
  const credentials = await findCredentials('example.com', 'app', home)
  if (expected) expect(credentials).toMatchObject(expected)
  else expect(credentials).toBeUndefined()
})

const secret = 'c2VjcmV0OnNlY3JldA'

test.each([
  [`{"auths":{"example.com":{"auth":"${secret}"}}`, 'not JSON'],
  [`{"auths":{"example.com":{"auth":"${secret}"},}}`, 'not JSON'],
  [`{"auths":{"example.com":{"auth":${secret}}}}`, 'not JSON'],
  [`"${secret}"`, 'not a JSON object'],
  [`{"auths":["${secret}"]}`, '"auths" is not an object'],
  [`{"auths":{"example.com":"${secret}"}}`, '"auths" of "example.com" is not an object'],
  [`{"auths":{"example.com":{"auth":["${secret}"]}}}`, '"auth" of "example.com" is not a text'],
  [`{"auths":{"example.com":{"auth":"${secret}!"}}}`, 'is not base64 of "username:password"'],
  [`{"auths":{"example.com":{"auth":"${Buffer.from('secret').toString('base64')}"}}}`, 'is not base64'],
  [`{"auths":{"https://me:${secret}@example.com/":{"auth":5}}}`, '"auth" of "https://example.com/" is not a text'],
  [`{"credsStore":["${secret}"]}`, '"credsStore" is not a text'],
  [`{"credHelpers":{"example.com":{"${secret}":1}}}`, '"credHelpers" of "example.com" is not a text'],
])('a broken file is an error that names it and shows nothing of it: %j', async (text, reason) => {
  const home = makeHome()
  const path = home.write('.docker/config.json', text)
  for (const [source, env] of [
    [`"${path}"`, home.env],
    ['DOCKER_AUTH_CONFIG', { ...home.env, DOCKER_AUTH_CONFIG: text }],
  ] as const) {
    const error = await failure(findCredentials('example.com', 'app', { env }))
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_AUTH', hint: expect.any(String) as string })
    expect(error.message).toContain(`Cannot read credentials from ${source}`)
    expect(error.message).toContain(reason)
    expect(everything(error)).not.toMatch(/c2V|secret/)
  }
})

test('an empty file is an empty document', async () => {
  const home = makeHome()
  home.write('.docker/config.json', '\n')
  expect(await findCredentials('example.com', 'app', home)).toBeUndefined()
})

test('a file that everybody may read is taken, one that cannot be read is an error', async () => {
  const home = makeHome()
  const path = home.write('.docker/config.json', { auths: { 'example.com': entry('me') } })
  chmodSync(path, 0o666)
  expect(await findCredentials('example.com', 'app', home)).toEqual(found('me', path))
  home.env.DOCKER_CONFIG = join(home.directory, 'directory')
  home.write('directory/config.json/x', '')
  await expect(findCredentials('example.com', 'app', home)).rejects.toThrow('directory/config.json": EISDIR')
})

test('a file that REGISTRY_AUTH_FILE names has to exist', async () => {
  const home = makeHome()
  home.env.REGISTRY_AUTH_FILE = join(home.directory, 'missing.json')
  await expect(findCredentials('example.com', 'app', home)).rejects.toThrow('missing.json": there is no such file')
})

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as Error,
  )
}

/** All that a log could show of an error. */
function everything(error: Error): string {
  const seen: unknown[] = []
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    seen.push(each.message, each.stack, Object.entries(each))
  return JSON.stringify(seen).replaceAll(import.meta.filename, '')
}
