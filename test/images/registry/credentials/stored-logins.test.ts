import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Credentials } from '../../../../src/images/registry/credentials/credentials.ts'
import { findCredentials } from '../../../../src/images/registry/credentials/find-credentials.ts'
import { eraseCredentials, storeCredentials } from '../../../../src/images/registry/credentials/stored-logins.ts'
import type { Home } from './homes.ts'
import { base64, makeHome } from './homes.ts'

const me: Credentials = { kind: 'password', username: 'me', password: 'p:ü', source: 'prompt' }
const config = (home: Home): string => join(home.directory, '.docker/config.json')
const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

/** Keeps what it is given in a file per server. */
const keeping = `file="$HOME/kept"
case $1 in
  store) cat > "$file" ;;
  get) [ -e "$file" ] && cat "$file" || { echo credentials not found in native keychain; exit 1; } ;;
  erase) rm "$file" ;;
esac`

test('a login without any configuration makes the file, readable by its owner only, and is found again', async () => {
  const home = makeHome()
  expect(await storeCredentials('https://index.docker.io/v1/', me, home)).toBe(config(home))
  expect(read(config(home))).toEqual({ auths: { 'https://index.docker.io/v1/': { auth: base64('me', 'p:ü') } } })
  expect(statSync(config(home)).mode & 0o777).toBe(0o600)
  expect(statSync(join(home.directory, '.docker')).mode & 0o777).toBe(0o700)
  expect(await findCredentials('docker.io', 'library/postgres', home)).toEqual({ ...me, source: config(home) })
})

test.each([
  { kind: 'identity-token', token: 'T', source: '' },
  { kind: 'registry-token', token: 'T', source: '' },
] as const)('a token is found again as what it was: $kind', async (token) => {
  const home = makeHome()
  await storeCredentials('localhost:5000', token, home)
  expect(await findCredentials('localhost:5000', 'app', home)).toMatchObject({ kind: token.kind, token: 'T' })
})

test('what else the file says stays as it was, in its order', async () => {
  const home = makeHome()
  const before =
    '{\n  "psFormat": "table {{.ID}}",\n  "auths": {\n    "b.example.com": {\n      "auth": "YTpi"\n    }\n  },\n  "x": [\n    1\n  ]\n}\n'
  home.write('.docker/config.json', before)
  await storeCredentials('a.example.com', me, home)
  const text = readFileSync(config(home), 'utf8')
  expect(text.indexOf('"psFormat"')).toBeLessThan(text.indexOf('"auths"'))
  expect(text.indexOf('"b.example.com"')).toBeLessThan(text.indexOf('"a.example.com"'))
  expect(text.indexOf('"a.example.com"')).toBeLessThan(text.indexOf('"x"'))
  expect(await eraseCredentials('a.example.com', home)).toBe(true)
  expect(readFileSync(config(home), 'utf8')).toBe(before)
})

test('a second login replaces the first', async () => {
  const home = makeHome()
  await storeCredentials('example.com', me, home)
  await storeCredentials('Example.com', { ...me, username: 'you' }, home)
  expect(read(config(home))).toEqual({ auths: { 'example.com': { auth: base64('you', 'p:ü') } } })
})

test('a logout forgets every spelling of the registry, but no prefix in it', async () => {
  const home = makeHome()
  const entry = { auth: base64('a', 'b') }
  home.write('.docker/config.json', {
    auths: { 'docker.io': entry, 'https://index.docker.io/v1/': entry, 'docker.io/team': entry, 'example.com': entry },
  })
  expect(await eraseCredentials('docker.io', home)).toBe(true)
  expect(read(config(home))).toEqual({ auths: { 'docker.io/team': entry, 'example.com': entry } })
  expect(await eraseCredentials('docker.io', home)).toBe(false)
})

test('a logout without a file makes none', async () => {
  const home = makeHome()
  expect(await eraseCredentials('docker.io', home)).toBe(false)
  expect(readdirSync(home.directory)).toEqual(['bin'])
})

test('a symbolic link stays one, also where its file does not exist yet', async () => {
  for (const exists of [true, false]) {
    const home = makeHome()
    mkdirSync(join(home.directory, '.docker'))
    symlinkSync('../dotfiles/docker.json', config(home))
    if (exists) home.write('dotfiles/docker.json', { x: 1 })
    await storeCredentials('example.com', me, home)
    expect(readlinkSync(config(home))).toBe('../dotfiles/docker.json')
    const target = join(home.directory, 'dotfiles/docker.json')
    expect(read(target)).toMatchObject({ ...(exists && { x: 1 }), auths: { 'example.com': {} } })
    expect(statSync(target).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(home.directory, 'dotfiles'))).toEqual(['docker.json'])
  }
})

test('a helper gets the login, and the file only names the registry', async () => {
  const home = makeHome()
  home.helper('x', keeping)
  home.write('.docker/config.json', { auths: { 'docker.io': { auth: base64('old', 'old') } }, credsStore: 'x' })
  expect(await storeCredentials('docker.io', me, home)).toBe('docker-credential-x')
  expect(read(config(home))).toEqual({ auths: { 'https://index.docker.io/v1/': {} }, credsStore: 'x' })
  expect(read(join(home.directory, 'kept'))).toEqual({
    ServerURL: 'https://index.docker.io/v1/',
    Username: 'me',
    Secret: 'p:ü',
  })
  expect(await findCredentials('docker.io', 'a/b', home)).toEqual({ ...me, source: 'docker-credential-x' })
  expect(await eraseCredentials('docker.io', home)).toBe(true)
  expect(read(config(home))).toEqual({ auths: {}, credsStore: 'x' })
  expect(await findCredentials('docker.io', 'a/b', home)).toBeUndefined()
  expect(await eraseCredentials('docker.io', home)).toBe(false)
})

test('a broken file is not overwritten', async () => {
  const home = makeHome()
  home.write('.docker/config.json', '{"auths": ')
  await expect(storeCredentials('example.com', me, home)).rejects.toMatchObject({ code: 'ERR_REGISTRY_AUTH' })
  await expect(eraseCredentials('example.com', home)).rejects.toMatchObject({ code: 'ERR_REGISTRY_AUTH' })
  expect(readFileSync(config(home), 'utf8')).toBe('{"auths": ')
})

test.each(['me:you', ''])('a user name that the file cannot hold is refused: %j', async (username) => {
  const home = makeHome()
  await expect(storeCredentials('example.com', { ...me, username }, home)).rejects.toThrow('Cannot store the user name')
})

test.each(['', 'a b', '../x', 'a@b', '__proto__'])('what is no host is refused: %j', async (registry) => {
  const home = makeHome()
  await expect(storeCredentials(registry, me, home)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
})

test('a directory that cannot be written is named, and the password is not', async () => {
  const home = makeHome()
  home.write('file', '')
  home.env.DOCKER_CONFIG = join(home.directory, 'file')
  const error: unknown = await storeCredentials('example.com', me, home).catch((thrown: unknown) => thrown)
  expect(String(error)).toMatch(/Cannot write credentials to ".*file\/config.json": E(NOTDIR|EXIST)/)
  expect(String(error)).not.toContain('p:ü')
})
