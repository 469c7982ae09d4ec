import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadRegistriesConfig } from '../../../src/images/registry/load-registries-config.ts'

function makeHome(files: Record<string, string> = {}): { HOME: string } {
  const home = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  return { HOME: home }
}

const file = (registries: unknown): string => JSON.stringify({ registries })

test('who configured nothing has no settings', async () => {
  expect(await loadRegistriesConfig(makeHome(), 1000)).toEqual({ registries: [], mirrors: [], insecureHosts: [] })
  expect(
    await loadRegistriesConfig({ ...makeHome(), AIRPLANT_REGISTRY_MIRROR: ' ', AIRPLANT_REGISTRIES: '' }, 1000),
  ).toEqual({ registries: [], mirrors: [], insecureHosts: [] })
})

test('the file that is named wins over the one in the configuration directory', async () => {
  const env = makeHome({
    '.config/airplant/registries.json': file({ 'home.example': {} }),
    'xdg/airplant/registries.json': file({ 'xdg.example': {} }),
    'named.json': file({ 'named.example': {} }),
  })
  const prefix = async (more: NodeJS.ProcessEnv): Promise<unknown> =>
    (await loadRegistriesConfig({ ...env, ...more }, 1000)).registries[0]?.prefix
  expect(await prefix({})).toBe('home.example')
  expect(await prefix({ XDG_CONFIG_HOME: join(env.HOME, 'xdg') })).toBe('xdg.example')
  expect(await prefix({ XDG_CONFIG_HOME: 'relative' })).toBe('home.example')
  expect(await prefix({ AIRPLANT_REGISTRIES: join(env.HOME, 'named.json') })).toBe('named.example')
})

test('a file that is named has to exist', async () => {
  const env = makeHome()
  const named = { ...env, AIRPLANT_REGISTRIES: join(env.HOME, 'missing.json') }
  await expect(loadRegistriesConfig(named, 1000)).rejects.toThrow(/missing\.json": ENOENT[^]*AIRPLANT_REGISTRIES/)
})

test('settings are read, names of Docker Hub become one, and a whole registry that may be insecure is one everywhere', async () => {
  const env = makeHome({
    '.config/airplant/registries.json': file({
      'index.docker.io': {
        mirrors: [{ location: 'http://127.0.0.1:5000/hub/', digestOnly: true }, { location: 'm.example' }],
      },
      'docker.io/library': { location: 'https://Mirror.Example/hub/library' },
      '10.0.0.1:5000': { insecure: true },
      'example.com/team': { insecure: true, blocked: true },
    }),
  })
  const source = join(env.HOME, '.config/airplant/registries.json')
  const settings = { source, mirrors: [], location: undefined, insecure: false, blocked: false }
  expect(await loadRegistriesConfig(env, 1000)).toEqual({
    registries: [
      {
        ...settings,
        prefix: 'docker.io',
        mirrors: [
          { location: { scheme: 'http', host: '127.0.0.1:5000', path: 'hub' }, digestOnly: true, insecure: false },
          { location: { scheme: undefined, host: 'm.example', path: '' }, digestOnly: false, insecure: false },
        ],
      },
      {
        ...settings,
        prefix: 'docker.io/library',
        location: { scheme: 'https', host: 'mirror.example', path: 'hub/library' },
      },
      { ...settings, prefix: '10.0.0.1:5000', insecure: true },
      { ...settings, prefix: 'example.com/team', insecure: true, blocked: true },
    ],
    mirrors: [],
    insecureHosts: ['10.0.0.1:5000'],
  })
})

test('the environment adds mirrors and hosts', async () => {
  const env = {
    ...makeHome(),
    AIRPLANT_REGISTRY_MIRROR:
      'http://127.0.0.1:5000, ghcr.io=https://mirror.example/ghcr,docker.io/library=m.example:80/l',
    AIRPLANT_INSECURE_REGISTRIES: '10.0.0.1:5000, Registry.lan',
  }
  expect(await loadRegistriesConfig(env, 1000)).toMatchObject({
    mirrors: [
      { prefix: 'docker.io', location: { scheme: 'http', host: '127.0.0.1:5000', path: '' } },
      { prefix: 'ghcr.io', location: { scheme: 'https', host: 'mirror.example', path: 'ghcr' } },
      { prefix: 'docker.io/library', location: { scheme: undefined, host: 'm.example:80', path: 'l' } },
    ],
    insecureHosts: ['10.0.0.1:5000', 'registry.lan'],
  })
})

test.each([
  ['{', 'not JSON', 'Correct the file'],
  ['[]', 'the file is not an object', '"registries"'],
  ['null', 'the file is not an object', '"registries"'],
  ['{"registry":{}}', 'the file has an unknown key "registry"', 'Known keys: registries'],
  ['{"registries":[]}', '"registries" of the file is not an object', 'Give an object'],
  ['{"registries":{"docker.io":[]}}', '"docker.io" is not an object', '"mirrors"'],
  ['{"registries":{"docker.io":{"mirors":[]}}}', '"docker.io" has an unknown key "mirors"', 'Did you mean "mirrors"?'],
  ['{"registries":{"docker.io":{"__proto__":1}}}', 'has an unknown key "__proto__"', 'Known keys: mirrors'],
  ['{"registries":{"docker.io":{"toString":1}}}', 'has an unknown key "toString"', 'Known keys: mirrors'],
  ['{"registries":{"docker.io":{"insecure":"yes"}}}', '"insecure" of "docker.io" is not true or false', 'Give true'],
  ['{"registries":{"docker.io":{"blocked":null}}}', '"blocked" of "docker.io" is not true or false', 'Give true'],
  ['{"registries":{"docker.io":{"mirrors":{}}}}', '"mirrors" of "docker.io" is not a list', 'Give a list'],
  ['{"registries":{"docker.io":{"mirrors":["x"]}}}', 'a mirror of "docker.io" is not an object', '"location"'],
  ['{"registries":{"docker.io":{"mirrors":[{}]}}}', 'a mirror of "docker.io" has no "location"', '"location"'],
  ['{"registries":{"docker.io":{"mirrors":[{"location":"a","digest":true}]}}}', 'unknown key "digest"', 'location'],
  ['{"registries":{"docker.io":{"location":"ftp://a"}}}', 'ftp is not http or https', '127.0.0.1'],
  ['{"registries":{"docker.io":{"location":"https://"}}}', 'it has no host', '127.0.0.1'],
  ['{"registries":{"docker.io":{"location":""}}}', 'it has no host', '127.0.0.1'],
  ['{"registries":{"docker.io":{"location":"https://a/b?c"}}}', 'its path cannot be', '127.0.0.1'],
  ['{"registries":{"docker.io":{"location":"https://a/../b"}}}', 'its path cannot be', '127.0.0.1'],
  ['{"registries":{"docker.io":{"location":"https://a:99999"}}}', 'it has no host', '127.0.0.1'],
  ['{"registries":{"https://docker.io":{}}}', 'it has a scheme', 'host/prefix'],
  ['{"registries":{"postgres":{}}}', 'its host has neither dot nor port', 'docker.io/library/postgres'],
  ['{"registries":{"":{}}}', 'it has no host', 'host/prefix'],
  ['{"registries":{"a.b/C":{}}}', 'its path cannot be', 'host/prefix'],
])('a mistake is refused and named: %s', async (text, reason, hint) => {
  const env = makeHome({ 'r.json': text })
  const path = join(env.HOME, 'r.json')
  const error: unknown = await loadRegistriesConfig({ ...env, AIRPLANT_REGISTRIES: path }, 1000).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({
    code: 'ERR_INVALID_OPTION',
    message: expect.stringContaining(`Cannot use "${path}": `) as string,
    hint: expect.stringContaining(hint) as string,
  })
  expect((error as Error).message).toContain(reason)
})

test.each([
  [{ AIRPLANT_REGISTRY_MIRROR: 'ftp://x' }, 'Cannot use AIRPLANT_REGISTRY_MIRROR: "ftp://x" is not a location'],
  [{ AIRPLANT_REGISTRY_MIRROR: 'hub=http://x' }, 'its host has neither dot nor port'],
  [{ AIRPLANT_REGISTRY_MIRROR: 'docker.io=' }, 'it has no host'],
  [{ AIRPLANT_REGISTRY_MIRROR: 'http://me:hunter2@x' }, 'passwords do not belong here'],
  [{ AIRPLANT_INSECURE_REGISTRIES: 'http://x' }, 'Cannot use AIRPLANT_INSECURE_REGISTRIES: "http://x" is not a host'],
])('a mistake in the environment is refused: %j', async (env, reason) => {
  const error: unknown = await loadRegistriesConfig({ ...makeHome(), ...env }, 1000).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(reason) as string })
  expect(String(error)).not.toContain('hunter2')
})
