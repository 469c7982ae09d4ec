import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { attack, compileAttacker, verdicts } from '../../support/attacker.ts'
import { checkLeftovers, isSingleId, outputOf } from '../../support/containers.ts'

const left = checkLeftovers()
const attacker = compileAttacker()
const secret = `secret-${process.pid}`
const home = homedir()
const made: string[] = []
const servers: Server[] = []

function putSecret(directory: string, name: string): string {
  const path = join(directory, name)
  for (let parent = path; parent !== directory; parent = join(parent, '..')) if (!existsSync(parent)) made.push(parent)
  mkdirSync(join(path, '..'), { recursive: true })
  if (!existsSync(path)) writeFileSync(path, secret)
  return path
}

async function listen(path: string): Promise<string> {
  const server = createServer((socket) => socket.end('you are out'))
  servers.push(server)
  server.listen(path)
  await once(server, 'listening')
  return path
}

let secrets: string[]
let sockets: string[]

beforeAll(async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'airplant-secret-'))
  made.push(elsewhere)
  // Of the home only a name that cannot be somebody's: the real ~/.ssh may be there.
  secrets = [
    putSecret(home, `.ssh/airplant-test-${process.pid}`),
    putSecret(home, `.npmrc-${process.pid}`),
    putSecret(elsewhere, 'secret'),
  ]
  const runtime = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`
  sockets = [await listen(join(elsewhere, 'agent.sock')), await listen(join(home, `.airplant-${process.pid}.sock`))]
  if (existsSync(runtime)) sockets.push(await listen(join(runtime, `airplant-test-${process.pid}.sock`)))
})

afterAll(() => {
  for (const server of servers) server.close()
  for (const path of made.reverse()) rmSync(path, { recursive: true, force: true })
})

test('files of a home and of /tmp are not there', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  for (const path of secrets) {
    const { output, exitCode } = await container.exec(['cat', path])
    expect(output).not.toContain(secret)
    expect(exitCode).toBe(1)
  }
  const found = await container.exec([
    'sh',
    '-c',
    `grep -rls ${secret} /home /root /tmp /var/tmp /run /dev/shm ${home}; true`,
  ])
  expect(found.output).toBe('')
})

test('no name leads around the covers', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  const [path = ''] = secrets
  for (const way of [
    '/proc/1/root',
    '/proc/self/root',
    '/proc/thread-self/root',
    '/proc/self/cwd/../../../../..',
    '/..',
    '//',
  ]) {
    const { exitCode } = await container.exec(['cat', `${way}${path}`])
    expect({ way, exitCode }).toEqual({ way, exitCode: 1 })
  }
})

test('sockets of agents, D-Bus and Docker in /run, /tmp and the home cannot be connected to', async () => {
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files })
  const usual = ['/run/docker.sock', '/var/run/docker.sock', '/run/dbus/system_bus_socket', '/run/systemd/private']
  const results = verdicts(await attack(container, ['connect', ...sockets, ...usual]))
  for (const path of [...sockets, ...usual])
    expect({ path, verdict: results[path] }).toEqual({ path, verdict: 'ENOENT' })
  const found = await container.exec(['sh', '-c', 'find /run /tmp /var/tmp /home /root /dev -type s 2>/dev/null'])
  expect(found.output).toBe('')
})

test('abstract sockets of the host are out of reach, and the runtime makes none (CVE-2020-15257)', async () => {
  const name = `@airplant-attack-${process.pid}`
  const listener = spawn(attacker.program, ['listen', name], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(listener.stdout, 'data')
  expect(execFileSync(attacker.program, ['connect', name]).toString()).toBe(`${name} OK\n`)
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files, ports: [8080] })
  expect(await attack(container, ['connect', name])).toEqual([`${name} ECONNREFUSED`])
  expect((await container.exec(['cat', '/proc/net/unix'])).output.trim().split('\n')).toHaveLength(1)
  listener.kill()
})

test('of every home only the working directory and the directory of Node are visible', async () => {
  const cwd = realpathSync(process.cwd())
  const node = realpathSync(process.execPath)
  const script = 'for d in /home /root /tmp /var/tmp /run; do find $d -mindepth 1 -maxdepth 6 2>/dev/null; done'
  const shown = (await outputOf(script)).split('\n').filter(Boolean)
  const expected = (path: string): boolean =>
    [cwd, join(node, '..')].some((visible) => path.startsWith(visible) || visible.startsWith(path))
  expect(shown.filter((path) => !expected(path))).toEqual([])
})

test('the state directory is private and not visible, nor the socket in it', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  expect(readdirSync(left.stateDirectory)).toContain('sessions')
  const { output } = await container.exec([
    'sh',
    '-c',
    `ls -A ${left.stateDirectory}; find /tmp /run /home /root /var -name keeper.sock 2>/dev/null; true`,
  ])
  expect(output.replace(/.*No such file.*\n/, '')).toBe('')
})

test('the environment of the caller does not leak, nor the keeper', async () => {
  process.env['AIRPLANT_TEST_SECRET'] = secret
  const output = await outputOf('env; cat /proc/1/environ /proc/self/environ | tr "\\0" "\\n"; cat /proc/1/cmdline')
  delete process.env['AIRPLANT_TEST_SECRET']
  expect(output).not.toContain(secret)
  const names = [...output.matchAll(/^([A-Za-z_]+)=/gm)].map(([, name]) => name)
  expect([...new Set(names)].sort()).toEqual(
    [
      'HOME',
      'HOSTNAME',
      'PATH',
      'PWD',
      ...(output.includes('SHLVL') ? ['SHLVL'] : []),
      ...(/^_=/m.test(output) ? ['_'] : []),
    ].sort(),
  )
})

test('set-uid programs have no effect on the host image', async () => {
  const files = [{ target: '/tmp/id', source: '/usr/bin/id', mode: 0o6755 }]
  const user = isSingleId ? {} : { user: '65534:65534' }
  const options = { ...user, files, noNewPrivileges: false }
  const output = await outputOf('/tmp/id; stat -c %a /tmp/id; grep -E "Cap(Eff|Prm)" /proc/self/status', options)
  if (!isSingleId) expect(output).toMatch(/^uid=65534\S* gid=65534\S* groups=65534\S*$/m)
  if (!isSingleId) expect(output).toMatch(/CapPrm:\s*0{16}\nCapEff:\s*0{16}/)
  const mounts = await outputOf("cut -d' ' -f5,6 /proc/self/mountinfo")
  // Single files (/etc/hosts, device nodes, masks) and the overlay of the working directory, whose files are of mapped users, aside.
  const aside = [realpathSync(process.cwd()), '/etc/', '/dev/', '/proc/']
  const lines = mounts.split('\n').filter((line) => !line.includes('nosuid'))
  const without = lines.filter((line) => !aside.some((path) => line.startsWith(path)))
  expect(without).toEqual([])
})
