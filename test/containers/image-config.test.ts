import { describe, expect, test } from 'vitest'
import { resolveImageConfig } from '../../src/containers/image-config.ts'
import type { ContainerOptions } from '../../src/containers/options.ts'
import { resolveOptions } from '../../src/containers/resolve-options.ts'
import type { ContainerSpec } from '../../src/containers/spec.ts'
import type { ImageConfig } from '../../src/images/image.ts'
import { imageConfig, localImage } from '../support/local-image.ts'

const resolved = (options: ContainerOptions, config: Partial<ImageConfig>): ContainerOptions =>
  resolveImageConfig(options, imageConfig(config))

/** What a container of an image with that configuration would be. */
async function specOf(options: ContainerOptions, config: Partial<ImageConfig> = {}): Promise<ContainerSpec> {
  const found = localImage(['/layers/a', '/layers/b'], config)
  return await resolveOptions({ image: 'some/image:1', ...options }, '/work', () => Promise.resolve(found))
}

const service = { entrypoint: ['/entry.sh'], cmd: ['serve', '-v'] }

describe('the command', () => {
  test.each([
    [{}, service, ['/entry.sh', 'serve', '-v']],
    [{ command: ['bash'] }, service, ['/entry.sh', 'bash']],
    [{ command: [] }, service, ['/entry.sh', 'serve', '-v']],
    [{ entrypoint: ['/bin/ls'] }, service, ['/bin/ls']],
    [{ entrypoint: ['/bin/ls'], command: ['-l'] }, service, ['/bin/ls', '-l']],
    [{ entrypoint: [], command: ['id'] }, service, ['id']],
    [{}, { cmd: ['redis-server'] }, ['redis-server']],
  ])('%j of %j is %j', async (options, config, argv) => {
    expect((await specOf(options, config)).argv).toEqual(argv)
  })

  test('an image without any needs one', async () => {
    await expect(specOf({})).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    await expect(specOf({ entrypoint: [] }, service)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })
})

describe('variables', () => {
  test('are added one by one, a name without a value is empty, and nothing of this process comes in', () => {
    process.env['AIRPLANT_TEST_SECRET'] = 'secret'
    const { env } = resolved(
      { env: { B: 'option', C: '' } },
      { env: ['A=1=2', 'B=image', 'AIRPLANT_TEST_SECRET', 'PATH=/opt/bin', '__proto__=x'] },
    )
    delete process.env['AIRPLANT_TEST_SECRET']
    expect(Object.entries(env ?? {})).toEqual([
      ['A', '1=2'],
      ['B', 'option'],
      ['AIRPLANT_TEST_SECRET', ''],
      ['PATH', '/opt/bin'],
      ['__proto__', 'x'],
      ['C', ''],
    ])
  })

  test('that cannot be are the image fault', () => {
    expect(() => resolved({}, { env: ['=x'] })).toThrow('Cannot use the variables of the image')
    expect(() => resolved({}, { env: ['A=\0'] })).toThrow('Cannot use the variables of the image')
  })
})

describe('the user', () => {
  test.each(['', 'postgres', '999', '999:999', 'app:staff'])('%j is taken', (user) => {
    expect(resolved({}, { user }).user).toBe(user)
  })

  test.each(['4294967296', '4294967295', '-1', '1:99999999999', 'a:b:c', ':0', ' 0'])(
    'CVE-2024-40635: %j never becomes root',
    (user) => {
      expect(() => resolved({}, { user })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_IMAGE' }) as Error)
      expect(resolved({ user: '0' }, { user }).user).toBe('0')
    },
  )
})

test('the working directory is absolute, and without "..": %s', () => {
  expect(resolved({}, { workdir: '' }).workdir).toBe('/')
  expect(resolved({}, { workdir: 'data' }).workdir).toBe('/data')
  expect(resolved({}, { workdir: '/a/../../b/' }).workdir).toBe('/b/')
  expect(resolved({ workdir: '/own' }, { workdir: '/a' }).workdir).toBe('/own')
})

test('the stop signal and labels', async () => {
  const image = { stopSignal: 'SIGRTMIN+3', labels: { a: 'image', b: 'image' }, cmd: ['x'] }
  expect(await specOf({ labels: { b: 'own' } }, image)).toMatchObject({
    ...{ stopSignal: 37, labels: { a: 'image', b: 'own' } },
  })
  expect((await specOf({ stopSignal: 'INT' }, image)).stopSignal).toBe(2)
  await expect(specOf({}, { ...image, stopSignal: 'SIGNONE' })).rejects.toMatchObject({ code: 'ERR_INVALID_IMAGE' })
})

describe('ports', () => {
  const config = { exposedPorts: ['80/tcp', '443', '53/udp'], cmd: ['x'] }

  test('are published only when asked for', async () => {
    const numbers = async (ports: ContainerOptions['ports']): Promise<(number | string)[]> => {
      const { ports: requests } = await specOf(ports === undefined ? {} : { ports }, config)
      const first = requests.filter(({ address }) => address === '127.0.0.1')
      return first.map(({ containerPort, protocol }) => (protocol === 'udp' ? `${containerPort}/udp` : containerPort))
    }
    expect(await numbers(undefined)).toEqual([])
    expect(await numbers('exposed')).toEqual([80, 443, '53/udp'])
    expect(await numbers([{ container: 443, host: 8443 }, 'exposed', 22])).toEqual([443, 22, 80, '53/udp'])
    expect(await numbers(['53:53', '8080:80', 'exposed'])).toEqual([53, 80, 443, '53/udp'])
    expect(await numbers(['53:53/udp', 'exposed'])).toEqual(['53/udp', 80, 443])
    expect(await numbers([80])).toEqual([80])
  })

  test('of an image are none where there is no image', async () => {
    const none = (): Promise<never> => Promise.reject(new Error('not asked'))
    const host = { command: ['true'], ports: 'exposed' } as const
    await expect(resolveOptions(host, '/', none)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })
})

describe('health checks', () => {
  const healthcheck = {
    ...{ command: ['check'], interval: 1, timeout: 2, startPeriod: 3, startInterval: 4, retries: 5 },
  }

  test('are the image own, changed, replaced or off', async () => {
    const config = { cmd: ['x'], healthcheck }
    expect((await specOf({}, config)).healthcheck).toEqual(healthcheck)
    expect((await specOf({ healthcheck: { retries: 9 } }, config)).healthcheck).toEqual({ ...healthcheck, retries: 9 })
    expect((await specOf({ healthcheck: false }, config)).healthcheck).toBeUndefined()
    expect((await specOf({ healthcheck: { command: ['y'] } }, { cmd: ['x'] })).healthcheck).toEqual({
      ...{ command: ['y'], interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5000, retries: 3 },
    })
  })

  test.each([{ retries: 0 }, { interval: 0 }, { timeout: -1 }, { every: 5 }, { command: [] }])(
    '%j is refused',
    async (change) => {
      const options = { healthcheck: { command: ['x'], ...change } }
      await expect(specOf(options, { cmd: ['x'] })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    },
  )

  test('without a command anywhere it is refused', async () => {
    const options = specOf({ healthcheck: { retries: 2 } }, { cmd: ['x'] })
    await expect(options).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })
})

describe('volumes', () => {
  test('of the image are directories, where nothing else is mounted', async () => {
    const { imageVolumes } = await specOf(
      {
        binds: [{ source: '/x', target: '/bind' }],
        tmpfs: ['/tmpfs'],
        volumes: [{ name: 'data', target: '/named/' }],
      },
      { cmd: ['x'], volumes: ['/data', '/bind', '/tmpfs', '/named', '/', '/proc/x', 'relative/../other/'] },
    )
    expect(imageVolumes).toEqual(['/data', '/other'])
  })

  test.each([
    { name: '../x', target: '/a' },
    { name: '', target: '/a' },
    { name: 'a', target: 'a' },
    { name: 'a', target: '/proc/a' },
    { name: 'a', target: '/' },
    { name: 'a', target: '/a', readonly: true },
  ])('%j is refused', async (volume) => {
    const wrong = specOf({ volumes: [volume] }, { cmd: ['x'] })
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })
})

describe('the image', () => {
  test('has its layers on top of each other, and the mode of the topmost that says', async () => {
    const image = localImage(['/low', '/middle', '/top'])
    const layers = image.layers.map((layer, index) => ({ ...layer, rootMode: [0o700, 0o711, undefined][index] }))
    const { root, image: name } = await specOf({ image: { ...image, layers }, command: ['x'] })
    expect(root).toMatchObject({ lowers: ['/top', '/middle', '/low'], mode: 0o711 })
    expect(name).toBe('0123456789ab')
  })

  test('is looked for only when everything else is right', async () => {
    const asked: unknown[] = []
    const find = (source: unknown): Promise<never> => {
      asked.push(source)
      return Promise.reject(new Error('not found'))
    }
    for (const wrong of [
      { user: '-1' },
      { env: { '=': '' } },
      { ports: [0] },
      { hostname: '-' },
      { stopSignal: 'x' },
    ]) {
      await expect(resolveOptions({ image: 'a', ...wrong }, '/', find)).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
      })
    }
    expect(asked).toEqual([])
    await expect(resolveOptions({ image: 'a', ports: 'exposed' }, '/', find)).rejects.toThrow('not found')
    await expect(resolveOptions({ image: { oci: 'dir', reference: 'x' } }, '/w', find)).rejects.toThrow('not found')
    await expect(resolveOptions({ image: { tar: 'a.tar' } }, '/w', find)).rejects.toThrow('not found')
    expect(asked).toEqual(['a', { oci: '/w/dir', reference: 'x' }, { tar: '/w/a.tar' }])
  })

  test.each([{ archive: '' }, { oci: '/x', refrence: 'y' }, {}, '', ' ', 5])('%j is refused', async (image) => {
    const none = (): Promise<never> => Promise.reject(new Error('asked'))
    const wrong = resolveOptions({ image: image as string, command: ['x'] }, '/', none)
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })
})
