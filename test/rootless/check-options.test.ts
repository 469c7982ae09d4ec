import { expect, test } from 'vitest'
import type { ContainerOptions } from '../../src/containers/options.ts'
import { resolveOptions } from '../../src/containers/resolve-options.ts'
import { checkWait } from '../../src/fixtures/waits/check-wait.ts'
import type { Wait } from '../../src/fixtures/waits/wait.ts'

const noImage = (): Promise<never> => Promise.reject(new Error('no image is there'))
const resolve = (options: object): Promise<unknown> =>
  resolveOptions({ command: ['true'], ...options }, '/work', noImage)

test.each([
  [{ comand: ['true'] }, 'Unknown option "comand" of a container', 'Did you mean "command"?'],
  [{ binds: [{ source: '/a', target: '/b', readonly: true }] }, 'Unknown option "readonly" of a bind', '"readOnly"'],
  [{ ports: [{ container: 1, hots: 2 }] }, 'Unknown option "hots" of a port', 'There are container, host, address'],
  [{ image: { rootfs: '/x', root: '/y' } }, 'Unknown option "root" of image', 'There are rootfs'],
])('an option that does not exist is refused, with the one that was meant: %j', async (options, message, hint) => {
  await expect(resolve(options)).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
    message: expect.stringContaining(message) as string,
    hint: expect.stringContaining(hint) as string,
  })
})

test.each([
  [{ command: 'sleep 1' }, 'Write ["sleep", "1"]'],
  [{ hostname: 5 }, 'Give a text'],
  [{ user: 1000 }, 'Give a text'],
  [{ readOnly: 'false' }, 'Give true or false'],
  [{ noNewPrivileges: 0 }, 'Give true or false'],
  [{ ports: [true] }, 'Give an object'],
  [{ binds: ['/a:/b'] }, 'Give an object'],
  [{ image: '' }, 'Use "host"'],
  [{ tmpfs: ['/x:size=1m'] }, 'Write { target, size, mode }'],
  [{ logLimit: 100 }, 'at least 4096'],
])('a value of the wrong kind is refused, with what to write: %j', async (options, hint) => {
  await expect(resolve(options)).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
    hint: expect.stringContaining(hint) as string,
  })
})

test('options that are not an object are refused', async () => {
  await expect(resolveOptions(undefined as unknown as ContainerOptions, '/', noImage)).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
  })
})

test('a wait with a word that its kind does not have is refused', () => {
  expect(() => checkWait({ log: 'ready', tmes: 2 } as unknown as Wait)).toThrow('it has no "tmes"')
  expect(() => checkWait({ port: 1, path: '/' })).toThrow('it has no "path"')
})
