import { expect, test } from 'vitest'
import { readMeta, writeMeta } from '../../src/containers/container-meta.ts'
import type { ProcessCommons } from '../../src/containers/plan/process-plan.ts'
import { readProcessMeta, writeProcessMeta } from '../../src/containers/process-meta.ts'
import { SeccompFilters } from '../../src/containers/seccomp-filter.ts'
import { resolveCapabilities } from '../../src/rootless/capabilities.ts'

const { mask, names } = resolveCapabilities({ add: ['SYS_ADMIN'] })
const commons: ProcessCommons = {
  env: { PATH: '/bin', TEXT: 'ü "\n' },
  user: { user: 'app', group: '' },
  groups: ['12'],
  workdir: '/srv',
  rlimits: [{ resource: 7, soft: 100n, hard: 2n ** 64n - 1n }],
  capabilities: mask,
  noNewPrivileges: true,
  seccompFilter: undefined,
}
const there = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('what processes may do arrives as it left, without a filter and with one of its own', async () => {
  expect(await readProcessMeta(there(writeProcessMeta(commons, 'unconfined')))).toEqual(commons)
  const own = { ...commons, seccompFilter: new Uint8Array(4096).map((_, index) => index % 7) }
  const read = await readProcessMeta(there(writeProcessMeta(own, { defaultAction: 'SCMP_ACT_ALLOW' })))
  expect(Buffer.from(read!.seccompFilter!).equals(own.seccompFilter)).toBe(true)
})

test('the default filter goes by its name, and is the one for the same capabilities', async () => {
  const seccompFilter = await new SeccompFilters().get({ seccomp: 'default', capabilityNames: names })
  const meta = writeProcessMeta({ ...commons, seccompFilter }, 'default')
  expect(meta.seccomp).toBe('default')
  expect((await readProcessMeta(there(meta)))!.seccompFilter).toEqual(seccompFilter)
})

test('what is missing or malformed is nothing, never fewer restrictions', async () => {
  const whole = there(writeProcessMeta(commons, 'unconfined')) as Record<string, unknown>
  for (const name of Object.keys(whole)) {
    expect(await readProcessMeta({ ...whole, [name]: undefined }), name).toBeUndefined()
    expect(await readProcessMeta({ ...whole, [name]: [1] }), name).toBeUndefined()
  }
  for (const seccomp of ['', 'none', 'AAAA']) expect(await readProcessMeta({ ...whole, seccomp })).toBeUndefined()
  for (const meta of [undefined, null, 'text', []]) expect(await readProcessMeta(meta)).toBeUndefined()
})

test('of a container of another version everything that it does not say is empty', () => {
  const old = readMeta('{"name":"db","image":"postgres:17"}')
  expect(old).toMatchObject({ name: 'db', image: 'postgres:17', labels: {}, hostPorts: [], stopSignal: 15 })
  expect(old.process).toBeUndefined()
  expect(readMeta('nonsense')).toMatchObject({ name: undefined, network: 'none', command: [] })
  expect(readMeta(writeMeta(old))).toEqual(old)
})
