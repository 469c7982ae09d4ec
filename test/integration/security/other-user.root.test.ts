import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { compileAttacker } from '../../support/attacker.ts'
import { checkLeftovers } from '../../support/containers.ts'

const left = checkLeftovers()
const attacker = compileAttacker()
// Nobody has no right to anything: neither root's nor that of the range that its containers run as.
const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']

function nobody(command: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('setpriv', [...asNobody, ...command], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test('another user cannot connect to the keeper, nor look at what containers wrote', async () => {
  const session = await defaultSession()
  await using container = await withContainer({ command: ['sh', '-c', 'umask 0; echo secret > /tmp/x; sleep 60'] })
  const socket = join(session.directory, 'keeper.sock')
  expect(existsSync(socket)).toBe(true)
  expect(nobody([attacker.program, 'connect', socket]).output).toBe(`${socket} EACCES\n`)
  expect(nobody(['ls', session.directory]).status).not.toBe(0)
  expect(nobody(['ls', join(session.directory, 'containers')]).status).not.toBe(0)
  expect(statSync(session.directory).mode & 0o077).toBe(0)
  expect((await container.exec(['echo', 'alive'])).stdout).toBe('alive\n')
})

test('CVE-2021-41091: a set-uid program of a container is not reached by other users', async () => {
  const session = await defaultSession()
  const files = [{ target: `${process.cwd()}/airplant-suid-test`, source: '/usr/bin/id', mode: 0o4755 }]
  await using container = await withContainer({ command: ['sleep', '60'], files }).catch(
    async () => await withContainer({ command: ['sleep', '60'] }),
  )
  expect(container.exit).toBeUndefined()
  const found = nobody(['find', left.stateDirectory, session.directory, '-perm', '/6000']).output
  expect(found).not.toMatch(/^\//m)
})

test('root is not root: a container of real root is nobody of importance outside', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  const { stdout } = await container.exec(['cat', '/proc/self/uid_map'])
  const outside = stdout.trim().split(/\s+/).map(Number)
  expect(outside[1]).toBeGreaterThan(0)
  const status = spawnSync('grep', ['^Uid:', `/proc/${container.pid}/status`], { encoding: 'utf8' }).stdout
  expect(status.split(/\s+/).slice(1, 5)).not.toContain('0')
  expect((await container.exec(['sh', '-c', 'cat /etc/shadow; ls /root; touch /etc/x'])).output).not.toMatch(/^root:/m)
})
