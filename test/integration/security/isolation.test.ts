import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { attack, ATTACK, compileAttacker } from '../../support/attacker.ts'
import { checkLeftovers, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()
const bystander = spawn('sleep', ['600'], { stdio: 'ignore' })
afterAll(() => bystander.kill())

/** What a raw connection to a published port gives: its text, or why it ended. */
async function talk(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => (text += error.code ?? 'error'))
  await new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve()
    })
  })
  return text
}

test('no signal to the own process group reaches the keeper or another container', async () => {
  await using other = await withContainer({ command: ['sleep', '60'] })
  for (const options of [{}, { init: true }, { tty: true }]) {
    for (const signal of ['TERM', 'KILL', 'INT', 'HUP', 'STOP']) {
      await using container = await withContainer({
        command: [
          'sh',
          '-c',
          `trap "" ${signal === 'KILL' || signal === 'STOP' ? 'USR1' : signal}; sleep 60 & kill -${signal} 0; wait`,
        ],
        ...options,
      })
      const victim = await container
        .execStream(['sh', '-c', `kill -${signal} 0; kill -${signal} -1; sleep 60`])
        .catch(() => undefined)
      await victim?.[Symbol.asyncDispose]()
      expect((await other.exec(['echo', 'alive'])).stdout).toBe('alive\n')
    }
  }
  expect(other.exit).toBeUndefined()
})

test('a process that joins is no member of a group or session outside', async () => {
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files })
  for (const line of [
    ...(await attack(container, ['group'])),
    await shell(container, 'cut -d" " -f5,6 /proc/1/stat'),
  ]) {
    expect(line).toMatch(/^[1-9]\d* [1-9]\d*$/)
  }
})

test('processes of the host, of other containers and the keeper are neither seen nor signalled', async () => {
  await using first = await withContainer({ command: ['sleep', '61'] })
  await using second = await withContainer({ command: ['sleep', '62'], files: attacker.files })
  expect(await shell(second, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).not.toMatch(/sleep 61|airplant|node/)
  const numbers = [first.pid, second.pid, process.pid, process.ppid, bystander.pid ?? 0].map(String)
  expect(await attack(second, ['signal', ...numbers])).toEqual(['sent'])
  expect(
    await shell(second, `for p in ${numbers.join(' ')}; do kill -9 $p 2>/dev/null && echo killed; done; true`),
  ).toBe('')
  expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
  expect((await first.exec(['echo', 'alive'])).stdout).toBe('alive\n')
})

test('children that a joined process gives to the keeper are forgotten, and disturb nobody', async () => {
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files })
  await Promise.all(Array.from({ length: 8 }, () => attack(container, ['siblings', '100'])))
  expect((await container.exec(['sh', '-c', 'exit 3'])).exitCode).toBe(3)
  await expect
    .poll(async () => (await shell(container, 'grep -l "^State:.Z" /proc/[0-9]*/status | wc -l')).trim())
    .toBe('0')
})

test('containers do not see each other’s files, IPC, memory, sockets or ports', async () => {
  using root = tinyRoot()
  attacker.addTo(root)
  const image = { rootfs: root.path }
  await using first = await withContainer({ image, command: ['sleep', '60'], tmpfs: ['/private'] })
  await using second = await withContainer({ image, command: ['sleep', '60'], tmpfs: ['/private'] })
  await using hosts = await withContainer({ command: ['sleep', '60'] })
  const marks = '/etc/mark /mark /tmp/mark /private/mark /dev/shm/mark /dev/mqueue/mark'
  await shell(
    first,
    `for f in ${marks}; do echo secret > $f; done; mkdir /proc/x; hostname first; nc -l -p 4444 >/dev/null 2>&1 &`,
  )
  for (const container of [second, hosts]) {
    expect(
      await shell(
        container,
        `cat ${marks} 2>/dev/null; ls -A /dev/shm /dev/mqueue /private 2>/dev/null | grep mark; true`,
      ),
    ).toBe('')
    expect(await shell(container, 'hostname')).not.toBe('first')
    expect(await shell(container, 'cut -d: -f3 /proc/net/tcp | grep -ic 115C; tail -n +2 /proc/sysvipc/shm')).toBe('0')
  }
  const namespaces = (container: typeof first): Promise<string> =>
    shell(container, 'for n in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done')
  const [one, two] = [(await namespaces(first)).split('\n'), (await namespaces(second)).split('\n')]
  expect(one).toHaveLength(6)
  expect(one.filter((name) => two.includes(name))).toEqual([])
})

test('CVE-2020-15257: abstract sockets of one container are not reached from another', async () => {
  const options = { files: attacker.files }
  const command = [ATTACK, 'listen', '@airplant-inside']
  await using first = await withContainer({ command, ...options, wait: { log: 'listening' } })
  await using second = await withContainer({ command: ['sleep', '60'], ...options })
  expect(await attack(first, ['connect', '@airplant-inside'])).toEqual(['@airplant-inside OK'])
  expect(await attack(second, ['connect', '@airplant-inside'])).toEqual(['@airplant-inside ECONNREFUSED'])
})

test('CVE-2021-20199: connections come from the container’s own address, never from loopback', async () => {
  const server = `require('net').createServer((s) => s.end(s.remoteAddress + ' ' + s.localAddress)).listen(8080, '0.0.0.0')`
  await using container = await withContainer({ command: ['node', '-e', server], ports: [8080], wait: { port: 8080 } })
  for (let i = 0; i < 10; i++) expect(await talk(container.port(8080))).toBe('172.30.0.2 172.30.0.2')
})

test('CVE-2021-20199: a service on 127.0.0.1 inside is not published', async () => {
  const server = `require('net').createServer((s) => s.end('reached')).listen(8080, '127.0.0.1', () => console.log('up'))`
  await using container = await withContainer({ command: ['node', '-e', server], ports: [8080], wait: { log: 'up' } })
  expect(await talk(container.port(8080))).toBe('ECONNRESET')
})

test('a container reaches neither ports of the host nor published ports of another', async () => {
  const server = createServer((socket) => socket.end('host')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const service = `require('net').createServer((s) => s.end('other')).listen(8080)`
  await using other = await withContainer({ command: ['node', '-e', service], ports: [8080], wait: { port: 8080 } })
  const probe = `const net = require('net'); const all = [[${port}, '127.0.0.1'], [${other.port(8080)}, '127.0.0.1'], [8080, '172.30.0.2'], [${port}, '172.30.0.1'], [53, '1.1.1.1'], [${port}, '::1']]
    Promise.all(all.map(([p, h]) => new Promise((r) => { const s = net.connect(p, h); s.on('error', (e) => r(e.code)); s.on('data', String); s.on('connect', () => r('connected')) }))).then((x) => console.log(x.join(' ')))`
  const { output } = await runToEnd({ command: ['node', '-e', probe] })
  expect(output).toMatch(/^((ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL) ?){6}\n$/)
  server.close()
})

test('CVE-2022-1227, CVE-2019-14271, GHSA-x86f-5xw2-fm2r: nothing of the image is run outside of it', async () => {
  using root = tinyRoot()
  // Whatever the runtime might call: a shell, helpers, an NSS library.
  const trap = '#!/bin/sh\necho "$0" >> /ran\nexec /bin/busybox "${0##*/}" "$@"\n'
  for (const name of [
    'usr/bin/newuidmap',
    'usr/bin/cp',
    'bin/nsenter',
    'usr/bin/xz',
    'usr/bin/fuse-overlayfs',
    'usr/bin/id',
  ])
    root.write(name, trap, 0o755)
  root.write('/etc/nsswitch.conf', 'passwd: evil files\n')
  root.write('/lib/libnss_evil.so.2', 'not a library')
  await using container = await withContainer({
    image: { rootfs: root.path },
    command: ['/bin/busybox', 'sleep', '60'],
    user: 'root',
  })
  expect((await container.exec(['/bin/busybox', 'ls', '/ran'])).exitCode).toBe(1)
})

test('container IDs are hexadecimal, and nothing of an option becomes part of a path (CVE-2024-3727)', async () => {
  await using container = await withContainer({
    command: ['sleep', '60'],
    hostname: 'a.b',
    labels: { '../../x': '../../y' },
    files: attacker.files,
  })
  expect(container.id).toMatch(/^[0-9a-f]{12}$/)
  for (const hostname of ['../x', 'a/b', 'a\nb 127.0.0.1', '', '-x', 'a b', 'x'.repeat(64)]) {
    await expect(withContainer({ command: [ATTACK], hostname })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  }
})
