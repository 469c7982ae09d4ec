import { readFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, outputOf, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

const interfaces = `tail -n +3 /proc/net/dev | awk -F: '{ print $1 }' | tr -d ' '`

describe.each(images)('on %s', (_, on) => {
  test('without a network there is loopback, and it is up', async () => {
    expect(await outputOf(interfaces, { image: on })).toBe('lo')
    const script = `node -e "
      const server = require('http').createServer((_, answer) => answer.end('self')).listen(80, async () => {
        for (const host of ['127.0.0.1', '[::1]', 'localhost', require('os').hostname()])
          console.log(await (await fetch('http://' + host)).text())
        server.close(); server.closeAllConnections()
      })"`
    if (on === 'host') expect(await outputOf(script, { hostname: 'box' })).toBe('self\nself\nself\nself')
  })

  test('hosts, hostname and resolv.conf are its own', async () => {
    const output = await outputOf('cat /etc/hosts /etc/hostname /etc/resolv.conf', { image: on, hostname: 'box' })
    expect(output).toMatch(/^127\.0\.0\.1\tlocalhost\n::1\tlocalhost[^\n]*\n172\.30\.0\.2\tbox\nbox\n/)
    expect(output).not.toContain('nameserver')
  })

  test("the host's network is the host's, with its names", async () => {
    const server = createServer((_request, answer) => answer.end('host')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { image: on, network: 'host' as const, hostname: 'box' }
    const get = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | (nc 127.0.0.1 ${port} 2> /dev/null || perl -MIO::Socket -e '
      my $s = IO::Socket::INET->new("127.0.0.1:${port}"); print $s <STDIN>; print <$s>')`
    expect(await outputOf(get, options)).toMatch(/host$/)
    expect(await outputOf('cat /etc/resolv.conf', options)).toBe(readFileSync('/etc/resolv.conf', 'utf8').trimEnd())
    expect(await outputOf('cat /etc/hosts', options)).toContain('127.0.1.1\tbox')
    expect(await outputOf(interfaces, options)).toBe(
      readFileSync('/proc/net/dev', 'utf8')
        .split('\n')
        .slice(2, -1)
        .map((line) => line.split(':')[0]?.trim())
        .join('\n'),
    )
    server.close()
  })

  test("with the host's network /sys shows no cgroups and takes no writes", async () => {
    const script = 'ls /sys/fs/cgroup | wc -l; touch /sys/x 2>&1; ls -d /sys/class/net/lo'
    const output = await outputOf(script, { image: on, network: 'host' })
    expect(output).toMatch(/^0\n.*\n\/sys\/class\/net\/lo$/)
  })

  test('low ports can be opened by anyone', async () => {
    if (on === 'host') return
    const command = ['sh', '-c', 'echo low > /tmp/index.html; exec httpd -f -p 80 -h /tmp']
    const options = { image: on, ports: [80], capabilities: { drop: ['ALL'] } }
    await withContainer({ ...options, command }, async (container) => {
      await expect
        .poll(() => fetch(container.url(80)).then((answer) => answer.text(), String), { timeout: 5000 })
        .toBe('low\n')
    })
  })

  test('two containers do not reach each other', async () => {
    if (on === 'host') return
    await withContainer({ image: on, command: ['nc', '-l', '-p', '7000'] }, async () => {
      await withContainer({ image: on, command: ['sleep', '60'] }, async (other) => {
        expect(
          await shell(other, 'nc -w 1 172.30.0.2 7000 < /dev/null 2>&1; nc -w 1 127.0.0.1 7000 < /dev/null 2>&1'),
        ).toMatch(/refused[^]*refused/)
      })
    })
  })
})

describe('resolv.conf as a link into /run', () => {
  test.each(['../run/systemd/resolve/stub-resolv.conf', '/run/resolvconf/resolv.conf'])('"%s"', async (target) => {
    for (const exists of [true, false]) {
      using linked = tinyRoot()
      if (exists) linked.write(join('/etc', target.startsWith('/') ? `..${target}` : target), 'nameserver 192.0.2.1\n')
      else mkdirSync(join(linked.path, 'run'))
      symlinkSync(target, join(linked.path, 'etc/resolv.conf'))
      const output = await outputOf('cat /etc/resolv.conf', { image: { rootfs: linked.path }, network: 'host' })
      expect(output).toBe(readFileSync('/etc/resolv.conf', 'utf8').trimEnd())
    }
  })

  test('that leads nowhere, or upwards', async () => {
    using linked = tinyRoot()
    symlinkSync('../../../../../../etc/passwd-', join(linked.path, 'etc/resolv.conf'))
    expect(await outputOf('cat /etc/passwd- | head -1', { image: { rootfs: linked.path } })).toBe('# no network')
  })

  test('with a tmpfs on /run', async () => {
    using linked = tinyRoot()
    symlinkSync('/run/resolv.conf', join(linked.path, 'etc/resolv.conf'))
    const options = { image: { rootfs: linked.path }, tmpfs: ['/run'] }
    expect(await outputOf('cat /etc/resolv.conf', options)).toBe('# no network')
  })
})

test('the files in /etc can be written by the container, on its own', async () => {
  expect(await outputOf('echo "1.2.3.4 name" >> /etc/hosts && tail -1 /etc/hosts', { image })).toBe('1.2.3.4 name')
})
