import { expect, test, afterAll, describe } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, isSingleId, outputOf, runToEnd } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', { rootfs: root.path }],
]
const rootfs = { image: { rootfs: root.path } }

describe.each(images)('on %s', (_, image) => {
  test('command and entrypoint make one list of arguments, passed as they are', async () => {
    const words = ['a b', '', '$HOME', '"quoted"', 'ünï', 'new\nline', '*']
    const script = ['sh', '-c', 'for word; do printf "<%s>" "$word"; done', 'sh']
    const { output, exitCode } = await runToEnd({ image, entrypoint: script, command: words })
    expect(output).toBe(words.map((word) => `<${word}>`).join(''))
    expect(exitCode).toBe(0)
    expect((await runToEnd({ image, entrypoint: ['echo', 'only'] })).output).toBe('only\n')
  })

  test('the environment holds what was given and nothing of the caller', async () => {
    process.env['AIRPLANT_TEST_SECRET'] = 'leaked'
    const text = await outputOf('env', { image, hostname: 'box', env: { NAME: 'värde\nline', EMPTY: '' } })
    const names = [...text.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name).sort()
    expect(names.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name ?? ''))).toEqual(
      ['EMPTY', 'HOME', 'HOSTNAME', 'NAME', 'PATH'].sort(),
    )
    expect(text).toContain('NAME=värde\nline')
    expect(text).toContain('HOSTNAME=box')
    expect(text).toContain('HOME=/root')
    delete process.env['AIRPLANT_TEST_SECRET']
  })

  test('HOME and PATH can be given, and PATH decides what is found', async () => {
    expect(await outputOf('echo $HOME', { image, env: { HOME: '/elsewhere' } })).toBe('/elsewhere')
    const error = await errorOf(withContainer({ image, command: ['sh'], env: { PATH: '/nowhere' } }))
    expect(error).toMatchObject({ code: 'ERR_COMMAND_NOT_FOUND', phase: 'start' })
  })

  test('the hostname is the given one, or the ID', async () => {
    expect(await outputOf('hostname; cat /etc/hostname', { image, hostname: 'my-box' })).toBe('my-box\nmy-box')
    await withContainer({ image, command: ['hostname'] }, async (container) => {
      await container.wait()
      expect((await container.logs()).output).toBe(`${container.id}\n`)
    })
  })

  test('a working directory is entered, and one that is missing is named', async () => {
    expect(await outputOf('pwd', { image, workdir: '/etc' })).toBe('/etc')
    const error = await errorOf(withContainer({ image, command: ['pwd'], workdir: '/no/such/place' }))
    expect(error).toMatchObject({ code: 'ERR_WORKDIR_MISSING', phase: 'start', detail: '/no/such/place' })
    expect(error.hint).toBeTruthy()
    const file = await errorOf(withContainer({ image, command: ['pwd'], workdir: '/etc/passwd' }))
    expect(file).toMatchObject({ code: 'ERR_WORKDIR_MISSING' })
  })

  test('a user that is not there is named', async () => {
    const error = await errorOf(withContainer({ image, command: ['true'], user: 'no-such-user' }))
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_USER', phase: 'start' })
    expect(error.message).toContain('no-such-user')
    const group = await errorOf(withContainer({ image, command: ['true'], user: '0:no-such-group' }))
    expect(group).toMatchObject({ code: 'ERR_UNKNOWN_USER' })
    expect(group.message).toContain('no-such-group')
  })
})

test('the working directory of a root directory is its root', async () => {
  expect(await outputOf('pwd', rootfs)).toBe('/')
})

test('a user is resolved in the container: by name, by number, with a group', async () => {
  const id = 'id -u; id -g; echo $HOME'
  expect(await outputOf(id, { ...rootfs, user: 'app' })).toBe('1000\n1001\n/home/app')
  expect(await outputOf(id, { ...rootfs, user: '1000' })).toBe('1000\n1001\n/home/app')
  expect(await outputOf(id, { ...rootfs, user: 'root' })).toBe('0\n0\n/root')
  if (isSingleId) return
  expect(await outputOf(id, { ...rootfs, user: 'app:video' })).toBe('1000\n44\n/home/app')
  expect(await outputOf(id, { ...rootfs, user: '1000:44' })).toBe('1000\n44\n/home/app')
  expect(await outputOf(id, { ...rootfs, user: '4321' })).toBe('4321\n0\n/')
  expect(await outputOf(id, { ...rootfs, user: '4321:1234' })).toBe('4321\n1234\n/')
})

test.skipIf(isSingleId)('additional groups come from /etc/group and from the option', async () => {
  expect(await outputOf('id -G', { ...rootfs, user: 'app' })).toBe('1001 50')
  expect(await outputOf('id -G', { ...rootfs, user: 'app', groups: ['video', '77'] })).toBe('1001 44 50 77')
  expect(await outputOf('id -G', { ...rootfs, user: '4321', groups: ['video'] })).toBe('0 44')
  const error = await errorOf(withContainer({ ...rootfs, command: ['true'], groups: ['no-such-group'] }))
  expect(error).toMatchObject({ code: 'ERR_UNKNOWN_USER' })
})

test.each(['4294967295', '4294967296', '-1', '0x0', '00', '1:2:3', ':', 'app:', ' app', 'a b', '1e3'])(
  'the user "%s" is refused',
  async (user) => {
    const error = await errorOf(withContainer({ ...rootfs, command: ['true'], user }))
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'create' })
  },
)

test('stdin is empty, and the pipes can be opened again by path', async () => {
  expect(await outputOf('cat; echo out > /dev/stdout; echo err > /dev/stderr', rootfs)).toBe('out\nerr')
  const user = 'app'
  expect(await outputOf('echo out > /dev/stdout; echo err > /proc/self/fd/2', { ...rootfs, user })).toBe('out\nerr')
})

test('labels stay with the container', async () => {
  await withContainer({ ...rootfs, command: ['true'], labels: { team: 'a', empty: '' } }, (container) => {
    expect(container.labels).toEqual({ team: 'a', empty: '' })
    expect(container.image).toBe(root.path)
    expect(container.id).toMatch(/^[0-9a-f]{12}$/)
  })
})
