import { copyFileSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { FixtureOptions } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, isSingleId, runToEnd } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const image = { rootfs: root.path }

root.write('/bin/no-bit', '#!/bin/sh\necho ran\n', 0o644)
root.write('/bin/root-only', '#!/bin/sh\necho ran\n', 0o700)
root.write('/bin/bad-interpreter', '#!/usr/bin/no-such-shell -e\n', 0o755)
root.write('/bin/windows', '#!/bin/sh\r\necho ran\r\n', 0o755)
root.write('/bin/no-first-line', 'echo ran\n', 0o755)
root.write('/bin/empty', '', 0o755)
root.write('/bin/text', Buffer.from([0xff, 0xfe, 0x00, 0x01]), 0o755)
root.write('/bin/other-machine', otherMachine(), 0o755)
copyFileSync('/bin/true', join(root.path, 'bin', 'dynamic'))
symlinkSync('/bin/loop', join(root.path, 'bin', 'loop'))
symlinkSync('/no/such/target', join(root.path, 'bin', 'dangling'))

/** A program of a 32-bit big-endian machine that this one is not. */
function otherMachine(): Buffer {
  const elf = Buffer.alloc(64)
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 2, 1])
  elf.writeUInt16BE(2, 16)
  elf.writeUInt16BE(22, 18)
  return elf
}

const cases: [string, FixtureOptions, string, string | RegExp][] = [
  ['a program that does not exist', { command: ['no-such-program'] }, 'ERR_COMMAND_NOT_FOUND', 'no-such-program'],
  ['a path that does not exist', { command: ['/opt/x/server'] }, 'ERR_COMMAND_NOT_FOUND', '/opt/x/server'],
  ['a path below a file', { command: ['/etc/passwd/x'] }, 'ERR_COMMAND_NOT_FOUND', '/etc/passwd/x'],
  ['a link to nothing', { command: ['/bin/dangling'] }, 'ERR_COMMAND_NOT_FOUND', 'dangling'],
  ['an empty name', { command: [''] }, 'ERR_COMMAND_NOT_FOUND', 'an empty name'],
  ['a file without the x bit', { command: ['/bin/no-bit'] }, 'ERR_COMMAND_NOT_EXECUTABLE', '/bin/no-bit'],
  ['a file without the x bit on PATH', { command: ['no-bit'] }, 'ERR_COMMAND_NOT_EXECUTABLE', 'no-bit'],
  ['a directory', { command: ['/etc'] }, 'ERR_COMMAND_NOT_EXECUTABLE', '/etc'],
  ['a link to itself', { command: ['/bin/loop'] }, 'ERR_COMMAND_NOT_EXECUTABLE', '/bin/loop'],
  ['an empty file', { command: ['/bin/empty'] }, 'ERR_COMMAND_NOT_EXECUTABLE', '/bin/empty'],
  ['bytes that are no program', { command: ['/bin/text'] }, 'ERR_COMMAND_NOT_EXECUTABLE', '/bin/text'],
  ['a script without a first line', { command: ['/bin/no-first-line'] }, 'ERR_COMMAND_NOT_EXECUTABLE', '#!'],
  ['a program of another machine', { command: ['other-machine'] }, 'ERR_COMMAND_NOT_EXECUTABLE', 'other-machine'],
  ['a missing interpreter', { command: ['bad-interpreter'] }, 'ERR_INTERPRETER_MISSING', 'no-such-shell'],
  ['a missing loader', { command: ['dynamic'] }, 'ERR_INTERPRETER_MISSING', /ld-linux|dynamic/],
  ['Windows line ends', { command: ['windows'] }, 'ERR_INTERPRETER_MISSING', /line ends/],
  ['too long arguments', { command: ['true', 'x'.repeat(200_000)] }, 'ERR_COMMAND_NOT_EXECUTABLE', 'E2BIG'],
  ['too much environment', { command: ['true'], env: bigEnv() }, 'ERR_COMMAND_NOT_EXECUTABLE', 'E2BIG'],
]

function bigEnv(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`NAME_${index}`, 'x'.repeat(100_000)]))
}

test.each(cases)('%s', async (_, options, code, text) => {
  const error = await errorOf(withContainer({ image, ...options }))
  expect(error).toMatchObject({ code, phase: 'start', image: root.path })
  expect(error.message).toMatch(text)
  expect(error.hint).toBeTruthy()
  expect(error.container).toMatch(/^[0-9a-f]{12}$/)
  expect(error.elapsed).toBeGreaterThan(0)
})

test.each(cases.slice(0, 15))('%s, by exec', async (_, { command = [] }, code, text) => {
  await withContainer({ image, command: ['sleep', '60'] }, async (container) => {
    const error = await errorOf(container.exec(command))
    expect(error).toMatchObject({ code, phase: 'exec', container: container.id })
    expect(error.message).toMatch(text)
    expect((await container.exec(['echo', 'well'])).output).toBe('well\n')
  })
})

test.skipIf(isSingleId)('a program that this user may not execute', async () => {
  expect((await runToEnd({ image, command: ['root-only'] })).output).toBe('ran\n')
  const error = await errorOf(withContainer({ image, command: ['root-only'], user: 'app' }))
  expect(error.code).toBe('ERR_COMMAND_NOT_EXECUTABLE')
})

test('with init the same errors are found', async () => {
  const missing = await errorOf(withContainer({ image, command: ['no-such-program'], init: true }))
  expect(missing).toMatchObject({ code: 'ERR_COMMAND_NOT_FOUND', phase: 'start' })
  const windows = await errorOf(withContainer({ image, command: ['windows'], init: true }))
  expect(windows).toMatchObject({ code: 'ERR_INTERPRETER_MISSING', phase: 'start' })
})

const wrongOptions: [string, FixtureOptions][] = [
  ['no command', {}],
  ['an empty command', { command: [] }],
  ['a NUL in the command', { command: ['a\0b'] }],
  ['a NUL in the environment', { command: ['true'], env: { NAME: 'a\0b' } }],
  ['an environment name with "="', { command: ['true'], env: { 'A=B': 'x' } }],
  ['a relative workdir', { command: ['true'], workdir: 'relative' }],
  ['a host name with a space', { command: ['true'], hostname: 'a b' }],
  ['an unknown capability', { command: ['true'], capabilities: { add: ['NET_ADMINN'] } }],
  ['an unknown limit', { command: ['true'], rlimits: { files: 1 } as never }],
  ['an unknown signal', { command: ['true'], stopSignal: 'SIGNOPE' }],
  ['a malformed name of a network', { command: ['true'], network: '-bridge' }],
  ['a network that is named twice', { command: ['true'], network: ['a', 'a'] }],
  ['no network as a list', { command: ['true'], network: [] }],
  ['the network of nobody', { command: ['true'], network: { container: '' } }],
  ['an alias without a network', { command: ['true'], aliases: ['a'] }],
  ['a malformed alias', { command: ['true'], network: 'session', aliases: ['a b'] }],
  ['a malformed name', { command: ['true'], name: '..' }],
  ['a way out without a network', { command: ['true'], egress: true }],
  ['an unknown way out', { command: ['true'], network: 'session', egress: 'vpn' as never }],
  ['a port of the host that is none', { command: ['true'], hostAccess: [0] }],
  ['a host line without an address', { command: ['true'], extraHosts: { name: 'other' } }],
  ['a host line of two lines', { command: ['true'], extraHosts: { 'a\nb': '192.0.2.1' } }],
  ['a server of names without an address', { command: ['true'], dns: ['dns.example'] }],
  ['an unknown storage driver', { command: ['true'], storage: 'zfs' as never }],
  ['a bad size', { command: ['true'], shmSize: '12 parsecs' }],
  ['a bad tmpfs size', { command: ['true'], tmpfs: [{ target: '/x', size: -1 }] }],
  ['a relative tmpfs', { command: ['true'], tmpfs: ['x'] }],
  ['a tmpfs over /proc', { command: ['true'], tmpfs: ['/proc'] }],
  ['a bind below /sys', { command: ['true'], binds: [{ source: '/tmp', target: '/a/../sys/fs' }] }],
  ['a bind over the root', { command: ['true'], binds: [{ source: '/tmp', target: '/' }] }],
  ['a file without content', { command: ['true'], files: [{ target: '/x' }] }],
  ['a file with two contents', { command: ['true'], files: [{ target: '/x', content: '', source: '/etc/passwd' }] }],
  ['a bad owner', { command: ['true'], files: [{ target: '/x', content: '', owner: 'root' }] }],
  ['a bad port', { command: ['true'], ports: [70_000] }],
  ['a bad port address', { command: ['true'], ports: [{ container: 80, address: 'localhost' }] }],
  ['a bad seccomp profile', { command: ['true'], seccomp: { defaultAction: 'SCMP_ACT_NOPE' } }],
  ['an image of no name', { command: ['true'], image: ' ' }],
  ['a negative stop timeout', { command: ['true'], stopTimeout: -5 }],
  ['a log limit that is no number', { command: ['true'], logLimit: Number.NaN }],
  ['a terminal of no size', { command: ['true'], tty: { rows: 0, columns: -3 } }],
  ['a bad tmpfs mode', { command: ['true'], tmpfs: [{ target: '/x', mode: -1 }] }],
  ['a bad file mode', { command: ['true'], files: [{ target: '/x', content: '', mode: 0o100000 }] }],
]

test.each(wrongOptions)('%s is refused before anything starts', async (_, options) => {
  const error = await errorOf(withContainer({ image, ...options }))
  expect(error.code).toBe('ERR_INVALID_OPTION')
  expect(error.hint).toBeTruthy()
})

test('a root that is not there, is a file, or is relative', async () => {
  const missing = await errorOf(withContainer({ image: { rootfs: '/no/such/root' }, command: ['true'] }))
  expect(missing).toMatchObject({ code: 'ERR_SOURCE_MISSING', phase: 'create' })
  expect(missing.message).toContain('/no/such/root')
  const file = await errorOf(withContainer({ image: { rootfs: '/etc/passwd' }, command: ['true'] }))
  expect(file.code).toBe('ERR_SOURCE_MISSING')
})

test('/proc, /dev and /sys of the root that are links elsewhere are refused', async () => {
  for (const name of ['proc', 'dev', 'sys']) {
    using bad = tinyRoot()
    bad.write('/elsewhere/keep', 'kept')
    symlinkSync('/elsewhere', join(bad.path, name))
    const error = await errorOf(withContainer({ image: { rootfs: bad.path }, command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_UNSAFE_ROOT', phase: 'start' })
    expect(error.message).toContain(`/${name}`)
    expect(readFileSync(join(bad.path, 'elsewhere/keep'), 'utf8')).toBe('kept')
  }
})

test('/proc, /dev and /sys of the root that are files are refused', async () => {
  for (const name of ['proc', 'dev', 'sys']) {
    using bad = tinyRoot()
    bad.write(`/${name}`, 'a file')
    const error = await errorOf(withContainer({ image: { rootfs: bad.path }, command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_UNSAFE_ROOT', phase: 'start' })
  }
})

test('a root without /bin, /etc or anything', async () => {
  using bare = tinyRoot()
  const { rootfs } = { rootfs: join(bare.path, 'var/data') }
  const error = await errorOf(withContainer({ image: { rootfs }, command: ['sh'] }))
  expect(error.code).toBe('ERR_COMMAND_NOT_FOUND')
})
