import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, outputOf, shell } from '../../support/containers.ts'
import { hashTree, tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
const source = mkdtempSync(join(tmpdir(), 'airplant-binds-'))
mkdirSync(join(source, 'below'))
writeFileSync(join(source, 'file'), 'from the host')
writeFileSync(join(source, 'below/other'), 'other')
afterAll(() => {
  root[Symbol.dispose]()
  rmSync(source, { recursive: true })
})

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

describe.each(images)('on %s', (_, on) => {
  test('a bind is written through', async () => {
    const binds = [{ source, target: '/tmp/shared' }]
    expect(await outputOf('cat /tmp/shared/file; echo new > /tmp/shared/made', { image: on, binds })).toBe(
      'from the host',
    )
    expect(readFileSync(join(source, 'made'), 'utf8')).toBe('new\n')
    rmSync(join(source, 'made'))
  })

  test('a read-only bind is, and what is mounted below it too', async () => {
    const binds = [{ source: '/dev', target: '/tmp/devices', readOnly: true }]
    const script = `grep ' /tmp/devices' /proc/self/mounts | grep -cv ' ro,'; touch /tmp/devices/shm/x 2>&1`
    expect(await outputOf(script, { image: on, binds })).toMatch(/^0\n.*Read-only/)
  })

  test('a file is bound on a path that is made', async () => {
    const binds = [{ source: join(source, 'file'), target: '/tmp/deep/down/file', readOnly: true }]
    const script = 'cat /tmp/deep/down/file; echo; echo x 2>&1 >> /tmp/deep/down/file'
    expect(await outputOf(script, { image: on, binds })).toMatch(/^from the host\n.*Read-only/)
  })

  test('mounts inside each other work in any order of the options', async () => {
    const binds = [
      { source: join(source, 'file'), target: '/tmp/outer/below/inner/file' },
      { source, target: '/tmp/outer', readOnly: true },
    ]
    const script =
      'cat /tmp/outer/file /tmp/outer/below/inner/file; echo x > /tmp/outer/below/inner/y; ls /tmp/outer/below/inner'
    expect(await outputOf(script, { image: on, binds, tmpfs: ['/tmp/outer/below'] })).toBe(
      'from the hostfrom the hostfile\ny',
    )
  })

  test('a source that is not there is named', async () => {
    const binds = [{ source: join(source, 'nothing'), target: '/tmp/x' }]
    const error = await errorOf(withContainer({ image: on, binds, command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_SOURCE_MISSING', phase: 'start' })
    expect(error.message).toContain(join(source, 'nothing'))
  })

  test('a tmpfs has its size and mode, and is its own', async () => {
    const tmpfs = ['/tmp/plain', { target: '/tmp/small', size: '1m', mode: 0o700 }]
    const script = `stat -c %a /tmp/plain /tmp/small; dd if=/dev/zero of=/tmp/small/x bs=1024 count=2000 2>&1 | head -1
      stat -c %s /tmp/small/x; dd if=/dev/zero of=/tmp/plain/x bs=1024 count=2000 2> /dev/null; stat -c %s /tmp/plain/x`
    const output = await outputOf(script, { image: on, tmpfs })
    expect(output).toMatch(/^1777\n700\n.*No space left on device\n1048576\n2048000$/)
  })

  test('/dev/shm has the size that was asked for', async () => {
    const size = `df -k /dev/shm | tail -1 | awk '{ print $2 }'`
    expect(await outputOf(size, { image: on })).toBe('65536')
    expect(await outputOf(size, { image: on, shmSize: '3m' })).toBe('3072')
    expect(await outputOf('echo x > /dev/shm/x && cat /dev/shm/x', { image: on, readOnly: true })).toBe('x')
  })

  test('a read-only root is, but for tmpfs, binds and /dev', async () => {
    const options = { image: on, readOnly: true, tmpfs: ['/var/cache'], binds: [{ source, target: '/opt' }] }
    const script = `for place in / /etc /usr /var /bin; do touch $place/x 2> /dev/null && echo "$place is writable"; done
      touch /var/cache/x && touch /opt/x && rm /opt/x && echo x > /dev/null && echo fine`
    expect(await outputOf(script, options)).toBe('fine')
  })
})

test('nothing of a read-only host image can be written, but files are placed before', async () => {
  const files = [{ target: '/tmp/placed', content: 'placed' }]
  const script = 'cat /tmp/placed; for place in . /tmp /run /root /var/tmp; do touch $place/x 2>&1; done'
  const output = await outputOf(script, { readOnly: true, files })
  expect(output).toMatch(/^placed/)
  expect(output.match(/Read-only file system/g)).toHaveLength(5)
})

test('what a root directory contains is never changed', async () => {
  const hash = hashTree(root.path)
  const script = `chown 0:0 /bin/sh; echo x > /etc/passwd; rm -r /home; mv /var /war; mkdir /var; chmod 700 /bin/busybox; ln -s x /etc/y
    touch -d 2001-01-01 /etc/group; mknod /tmp/pipe p; cat /etc/passwd`
  expect(await outputOf(script, { image })).toBe('x')
  expect(await outputOf('head -1 /etc/passwd; ls /', { image })).toMatch(/^root:x:0[^]*home[^]*var/)
  expect(hashTree(root.path)).toBe(hash)
})

test('mount points that a root lacks are made in the container only', async () => {
  const hash = hashTree(root.path)
  const options = { image, binds: [{ source, target: '/not/there/yet' }], tmpfs: ['/nor/this'] }
  expect(await outputOf('ls /not/there/yet /nor; ls /proc/1/comm /sys/class /dev/null', options)).toContain('file')
  expect(hashTree(root.path)).toBe(hash)
})

test('a link in the way of a target stays inside the root', async () => {
  using linked = tinyRoot()
  const outside = mkdtempSync(join(tmpdir(), 'airplant-outside-'))
  const link = `ln -s ${outside} ${linked.path}/absolute; ln -s ../../../../.. ${linked.path}/up; mkdir -p ${linked.path}${outside}`
  execFileSync('sh', ['-c', link])
  const binds = [
    { source, target: '/absolute/place' },
    { source, target: '/up/climbed' },
  ]
  await withContainer({ image: { rootfs: linked.path }, binds, command: ['sleep', '60'] }, async (container) => {
    expect(await shell(container, `cat ${outside}/place/file /climbed/file`)).toBe('from the hostfrom the host')
  })
  expect(execFileSync('ls', ['-A', outside]).toString()).toBe('')
  rmSync(outside, { recursive: true })
})

test('a bind of a socket and of a device work', async () => {
  const path = join(source, 'socket')
  const server = createServer((socket) => socket.end('hello\n')).listen(path)
  await once(server, 'listening')
  const script = `
    const socket = require('net').connect('/tmp/service')
    socket.on('data', (data) => process.stdout.write(data))`
  const output = await withContainer(
    { command: ['node', '-e', script], binds: [{ source: path, target: '/tmp/service' }] },
    async (container) => {
      await container.wait()
      return (await container.logs()).output
    },
  )
  server.close()
  expect(output).toBe('hello\n')
})
