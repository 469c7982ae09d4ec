import { afterAll, beforeAll, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
let session: Session

beforeAll(async () => {
  session = await Session.start({ env: { ...process.env, AIRPLANT_IDS: 'single' } })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  root[Symbol.dispose]()
})

async function run(script: string, options: object = {}): Promise<string> {
  return await withContainer({ session, image, ...options, command: ['sh', '-c', script] }, async (container) => {
    await container.wait()
    return (await container.logs()).output.trimEnd()
  })
}

test('the mapping says that it is a single one, and asked for, so without a warning', () => {
  expect(session.mapping.method).toBe('single')
  expect(session.mapping.warning).toBeUndefined()
})

test('without newuidmap it is chosen, and what will not work is said once', async () => {
  const warnings: string[] = []
  const listen = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', listen)
  await using fallback = await Session.start({ env: { ...process.env, AIRPLANT_IDS: 'auto', PATH: '/nowhere' } })
  expect(fallback.mapping).toMatchObject({ method: 'single', warning: expect.stringMatching(/newuidmap/) as string })
  for (let round = 0; round < 2; round++) {
    await using container = await withContainer({ session: fallback, image, command: ['true'] })
    await container.wait()
  }
  await new Promise(setImmediate)
  process.off('warning', listen)
  expect(warnings).toEqual([fallback.mapping.warning])
})

test('a container runs as its root, the caller outside', async () => {
  expect(await run('id -u; id -g; cat /proc/self/uid_map | tr -s " "; touch /x && stat -c %u:%g /x')).toMatch(
    new RegExp(`^0\n0\n ?0 ${process.getuid?.()} 1\n0:0$`),
  )
})

test('another user is that one ID under another number', async () => {
  expect(await run('id -u; id -g; echo $HOME; touch /tmp/x; stat -c %u:%g /tmp/x', { user: 'app' })).toBe(
    '1000\n1001\n/home/app\n1000:1001',
  )
  expect(await run('id -u; id -g', { user: '70:80' })).toBe('70\n80')
  expect(await run('id -u', { user: 'nobody' })).toBe('65534')
})

test('an exec joins as the same user, on the host image too', async () => {
  for (const where of [image, 'host' as const]) {
    await withContainer({ session, image: where, user: '1234:1234', command: ['sleep', '60'] }, async (container) => {
      expect((await container.exec(['sh', '-c', 'id -u; id -g; echo x > /tmp/y && cat /tmp/y'])).output).toBe(
        '1234\n1234\nx\n',
      )
    })
  }
})

test('an exec as somebody else is refused with the reason', async () => {
  await withContainer({ session, image, command: ['sleep', '60'] }, async (container) => {
    const error = await errorOf(container.exec(['id'], { user: 'app' }))
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_USER', phase: 'exec' })
    expect(error.hint).toMatch(/mapping/)
    expect((await container.exec(['id', '-u'], { user: 'root' })).output).toBe('0\n')
  })
})

test('chown to somebody else fails, to oneself works', async () => {
  expect(await run('touch /x; chown 1000 /x 2>&1; chown 0:0 /x && echo own')).toMatch(/Invalid argument\nown$/)
})

test('a placed file for somebody else is refused with the reason', async () => {
  const files = [{ target: '/x', content: 'x', owner: 1000 }]
  const error = await errorOf(withContainer({ session, image, files, command: ['true'] }))
  expect(error).toMatchObject({ code: 'ERR_STEP_FAILED', errno: 'EINVAL' })
  expect(error.message).toContain('/x')
  expect(error.hint).toMatch(/ID|owner/)
})

test('a user that is not there, additional groups, and an unknown group', async () => {
  expect((await errorOf(run('true', { user: 'no-such' }))).code).toBe('ERR_UNKNOWN_USER')
  expect((await errorOf(run('true', { user: 'app:no-such' }))).code).toBe('ERR_UNKNOWN_USER')
  const groups = await errorOf(run('true', { groups: ['video'] }))
  expect(groups).toMatchObject({ code: 'ERR_UNKNOWN_USER', phase: 'start' })
})

test('limits, added capabilities, terminals and ports work', async () => {
  expect(await run('ulimit -u; echo x | cat', { rlimits: { nproc: 20 } })).toMatch(/20\nx$|x$/)
  expect(await run('mount -t tmpfs none /tmp && echo mounted', { capabilities: { add: ['SYS_ADMIN'] } })).toBe(
    'mounted',
  )
  expect(await run('tty; id -u', { tty: true, user: 'app' })).toMatch(/\/dev\/(pts\/0|console)\r\n1000/)
  const command = ['sh', '-c', 'echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp']
  await withContainer({ session, image, ports: [80], user: 'app', command }, async (container) => {
    await expect
      .poll(() => fetch(container.url(80)).then((answer) => answer.text(), String), { timeout: 5000 })
      .toBe('hello\n')
  })
})

test('the output can be opened by path as another user', async () => {
  expect(await run('echo through > /dev/stdout', { user: 'app' })).toBe('through')
})
