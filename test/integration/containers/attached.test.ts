import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AttachedContainer } from '../../../src/containers/attached-container.ts'
import { attachContainer } from '../../../src/containers/attached-container.ts'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
// Another connection: for the keeper it is somebody else.
let session: Session
beforeAll(async () => {
  session = await Session.attach((await defaultSession()).directory)
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  root[Symbol.dispose]()
})

const image = { rootfs: root.path }
const profile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }],
}

/** Everything that an exec is given or kept from. */
const credentials = `grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status
cd /proc/self/ns; for kind in cgroup ipc mnt net pid user uts; do readlink $kind; done; cat /proc/self/uid_map; umask
unshare -U true 2>&1; mkdir /tmp/$$ 2>&1 | sed 's/[0-9]*//g'`
const surroundings = 'pwd; env | sort; cat /proc/self/limits'

const user = isSingleId ? { user: '1000:1000' } : { user: 'app', groups: ['12', '34'] }
const limits = { nproc: 50, nofile: { soft: 100, hard: 200 } }
const place = { env: { ONE: '1', TWO: 'a b' }, workdir: '/var/data', hostname: 'box' }
const kinds: [string, FixtureOptions, RegExp][] = [
  ['the defaults', {}, /CapEff:\t0+800405fb[^]*NoNewPrivs:\t1\nSeccomp:\t2[^]*not permitted/],
  ['a user and its groups', user, /Uid:\t1000/],
  [
    'capabilities, and so a namespace',
    { capabilities: { add: ['SYS_ADMIN'], drop: ['CHOWN'] } },
    /CapEff:\t0+802405fa/,
  ],
  ['fewer capabilities', { capabilities: { drop: ['ALL'] } }, /CapEff:\t0{16}\n/],
  ['new privileges', { noNewPrivileges: false }, /NoNewPrivs:\t0\nSeccomp:\t2/],
  ['no filter', { seccomp: 'unconfined' }, /Seccomp:\t0/],
  ['a profile of its own', { seccomp: profile, noNewPrivileges: false }, /Seccomp:\t2[^]*uota exceeded/],
  ['a limit of processes', { rlimits: limits }, /Max processes +50 +50 [^]*Max open files +100 +200 /],
  ['an environment and a directory', place, /^\/var\/data\n[^]*HOSTNAME=box\n[^]*ONE=1\n[^]*TWO=a b\n/m],
]

test.each(kinds)('an exec from outside is as one of the owner: %s', async (_, options, expected) => {
  await withContainer({ image, command: ['sleep', '60'], ...options }, async (own) => {
    const other = await attachContainer(session, own.id)
    const all = `${surroundings}; ${credentials}`
    const seen = await shell(own, all)
    expect(seen).toMatch(expected)
    expect(await shell(other, all)).toBe(seen)
    const asNobody = { user: isSingleId ? '0' : 'nobody', workdir: '/tmp', env: { THREE: '3' } }
    const one = await own.exec(['sh', '-c', all], asNobody).catch(String)
    expect(await other.exec(['sh', '-c', all], asNobody).catch(String)).toEqual(one)
  })
})

describe('from another connection', () => {
  let own: Container
  let other: AttachedContainer
  beforeAll(async () => {
    const script = 'echo out; echo err >&2; trap "echo got it" USR1; while :; do sleep 0.02; done'
    const command = ['sh', '-c', script]
    own = await withContainer({ image, name: 'served', labels: { a: 'b' }, ports: [80], command, wait: { log: 'out' } })
    other = await attachContainer(session, own.id)
  })
  afterAll(() => own[Symbol.asyncDispose]())

  test('it says the same of itself', () => {
    const facts = ({ id, name, pid, labels, publishedPorts, networkMode, networks }: typeof other): unknown => {
      return { id, name, pid, image: own.image, labels, publishedPorts, networkMode, networks }
    }
    expect(facts(other)).toEqual(facts(own as unknown as typeof other))
    expect([other.url(80), other.address(80)]).toEqual([own.url(80), own.address(80)])
    expect(() => other.port(81)).toThrow('Cannot reach port 81')
    expect(other.exit).toBeUndefined()
  })

  test('a command has streams and a terminal', async () => {
    await using cat = await other.execStream(['cat'])
    cat.stdin.end('through')
    expect(await text(cat.stdout)).toBe('through')
    await using tty = await other.execStream(['sh', '-c', 'stty size; read line; stty size'], {
      tty: { rows: 20, columns: 70 },
    })
    const [size] = (await once(tty.stdout, 'data')) as [Buffer]
    expect(size.toString()).toBe('20 70\r\n')
    await tty.resize(30, 90)
    tty.stdin.write('\n')
    expect(await text(tty.stdout)).toContain('30 90')
    expect((await errorOf(other.exec(['none-such']))).code).toBe('ERR_COMMAND_NOT_FOUND')
  })

  test('its log is read, and followed', async () => {
    expect(await other.logs()).toMatchObject({ stdout: 'out\n', stderr: 'err\n' })
    let seen = ''
    for await (const entry of other.logs({ follow: true })) {
      if ('data' in entry) seen += entry.data.toString()
      if (seen.includes('err')) await other.signal('SIGUSR1')
      if (seen.includes('got it')) break
    }
    expect(seen).toContain('got it')
  })

  test('it is paused and resumed, and its sockets are seen', async () => {
    await other.pause()
    expect((await errorOf(own.exec(['true']))).message).toContain('paused')
    await other.resume()
    expect((await own.exec(['true'])).exitCode).toBe(0)
    expect((await other.readNet()).tcp).toContain('local_address')
    expect((await other.exec(['cat', '/etc/passwd'])).stdout).toBe(String(await other.readFile('/etc/passwd')))
  })
})

test('its end is waited for, and known afterwards', async () => {
  await withContainer({ image, command: ['sh', '-c', 'read line; exit 7'], stdin: true }, async (own) => {
    const other = await attachContainer(session, own.id)
    const [one, two] = [other.wait(), (await attachContainer(session, own.id)).exited]
    own.stdin.end('\n')
    expect([await one, await two]).toEqual(Array(2).fill({ exitCode: 7, signal: null }))
    expect(other.exit).toEqual({ exitCode: 7, signal: null })
    const late = await attachContainer(session, own.id)
    expect(late.exit).toEqual(other.exit)
    expect(await errorOf(late.exec(['true']))).toMatchObject({ code: 'ERR_NOT_RUNNING' })
    expect(await errorOf(late.signal('SIGTERM'))).toMatchObject({ code: 'ERR_NOT_RUNNING' })
  })
})

test('it is stopped as its owner would stop it', async () => {
  const command = ['sh', '-c', 'trap "exit 3" INT; echo up; while :; do sleep 0.02; done']
  await withContainer({ image, command, stopSignal: 'SIGINT', wait: { log: 'up' } }, async (own) => {
    const other = await attachContainer(session, own.id)
    expect(await other.stop()).toEqual({ exitCode: 3, signal: null })
    expect(await own.exited).toEqual({ exitCode: 3, signal: null })
  })
})

test('it is removed from under its owner, who hears of it', async () => {
  await withContainer({ image, command: ['sleep', '60'] }, async (own) => {
    const other = await attachContainer(session, own.id)
    const ending = other.exited
    await other.remove()
    await other.remove()
    expect(await own.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' })
    expect(await ending).toEqual({ exitCode: null, signal: 'SIGKILL' })
    expect(await errorOf(attachContainer(session, own.id))).toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' })
  })
})

test('with the network of the host its ports are its own, and on a network it is connected', async () => {
  const options = { image, command: ['sleep', '60'] }
  await withContainer({ ...options, network: 'host', ports: [4000] }, async (own) => {
    expect((await attachContainer(session, own.id)).url(4000)).toBe(own.url(4000))
  })
  await withContainer({ ...options, network: 'session' }, async (own) => {
    expect((await attachContainer(session, own.id)).networks).toEqual(own.networks)
    expect(own.networks).toHaveLength(1)
  })
})
