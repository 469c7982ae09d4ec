import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Container } from '../../../src/index.ts'
import { isAirplantError, withContainer } from '../../../src/index.ts'
import { AttachedContainer } from '../../../src/containers/attached-container.ts'
import { findContainer } from '../../../src/containers/find-container.ts'
import { compileAttacker, during } from '../../support/attacker.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { hashTree } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()
const parent = mkdtempSync(join(tmpdir(), 'airplant-root-copy-'))
const shared = join(parent, 'shared')
const victim = join(parent, 'victim')
let container: Container

beforeAll(async () => {
  for (const directory of [shared, victim]) mkdirSync(directory)
  chmodSync(shared, 0o777)
  writeFileSync(join(victim, 'secret'), 'only root', { mode: 0o600 })
  container = await withContainer({
    ...{ command: ['sleep', '600'], stopTimeout: 0, name: 'of-root', files: attacker.files },
    binds: [{ source: shared, target: '/mnt' }],
  })
})
afterAll(async () => {
  await container[Symbol.asyncDispose]()
  rmSync(parent, { recursive: true })
})

test('what only root may read goes in, and belongs to the container root', async () => {
  await container.copyIn({ source: victim, target: '/tmp/in' })
  expect(await shell(container, "cat /tmp/in/secret; stat -c '%u:%g %a' /tmp/in/secret")).toBe('only root0:0 600')
})

test('what comes out is root own, without set-user-ID bits, from another process too', async () => {
  await shell(
    container,
    'mkdir -p /tmp/out/sub; cp /bin/true /tmp/out/tool; chmod 6755 /tmp/out/tool; echo x > /tmp/out/sub/x; chown -R 7:8 /tmp/out/sub; chmod 600 /tmp/out/sub/x',
  )
  const check = (to: string): void => {
    const found = execFileSync('find', [to, '-printf', '%P %U:%G %m\\n']).toString().split('\n').sort()
    expect(found).toEqual(['', ' 0:0 755', 'sub 0:0 755', 'sub/x 0:0 600', 'tool 0:0 755'])
  }
  await container.copyOut('/tmp/out', join(parent, 'one'))
  check(join(parent, 'one'))
  await using found = await findContainer('of-root', process.env)
  await (await AttachedContainer.open(found, process.env)).copyOut('/tmp/out', join(parent, 'two'))
  check(join(parent, 'two'))
  expect(await errorOf(container.copyOut('/tmp/out/tool', '/dev/null'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
})

test('CVE-2018-15664: root writes nothing outside a destination that the container swaps', async () => {
  const before = hashTree(victim)
  await shell(
    container,
    `mkdir -p /tmp/give/place/sub /mnt/place/sub; for i in secret sub/secret; do echo new > /tmp/give/place/$i; done; ln /tmp/give/place/secret /tmp/give/place/sub/hard; ln -s ${victim} /mnt/other`,
  )
  const last = await during(container, ['swap', '/mnt/place', '/mnt/other'], async () => {
    for (let round = 0; round < 100; round++) {
      await container.copyOut('/tmp/give', shared).catch((error: unknown) => {
        if (!isAirplantError(error)) throw error
      })
    }
  })
  expect(last).toMatch(/^rounds [1-9]\d*$/)
  expect(hashTree(victim)).toBe(before)
  expect(readFileSync(join(victim, 'secret'), 'utf8')).toBe('only root')
})
