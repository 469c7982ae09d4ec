import { expect, it } from 'vitest'
import { defineCheck } from '../../../src/rootless/doctor/check.ts'
import type { CheckResult } from '../../../src/rootless/doctor/check.ts'
import { gatherFacts } from '../../../src/rootless/doctor/facts.ts'
import { formatDoctor, formatDoctorJson } from '../../../src/rootless/doctor/format-doctor.ts'
import { doctorChecks, hasFailed, runDoctor } from '../../../src/rootless/doctor/run-doctor.ts'

it('really tries everything on this machine', async () => {
  const results = await runDoctor({ probeOverlay: async () => ({ driver: 'overlay', reason: 'tried' }) })
  expect(results.map(({ id }) => id)).toEqual(doctorChecks.map(({ id }) => id))
  const statusOf = Object.fromEntries(results.map(({ id, status }) => [id, status]))
  expect(statusOf).toMatchObject({ userns: 'ok', proc: 'ok', overlay: 'ok' })
  expect(hasFailed(results)).toBe(false)
  for (const { detail } of results) expect(detail).not.toMatch(/undefined|NaN|Cannot check/)
})

it('tries each thing once', async () => {
  let count = 0
  await runDoctor({ probeOverlay: async () => ({ driver: 'copy', reason: `time ${++count}` }) })
  expect(count).toBe(1)
})

it('gathers facts that are plain JSON', () => {
  const facts = gatherFacts()
  expect(facts.kernel.version[0]).toBeGreaterThan(3)
  expect(Object.keys(JSON.parse(JSON.stringify(facts)) as object)).toContain('mounts')
})

it('reports a check that throws without losing the others', async () => {
  const check = defineCheck('odd', 'Odd', () => {
    throw new Error('broken')
  })
  await expect(check.run({} as never)).resolves.toEqual({
    id: 'odd',
    title: 'Odd',
    status: 'skip',
    detail: 'Cannot check: broken',
  })
})

const results: CheckResult[] = [
  { id: 'a', title: 'Kernel', status: 'ok', detail: 'Linux' },
  { id: 'b', title: 'User namespaces', status: 'fail', detail: 'EPERM at clone3', fix: ['sudo one', 'sudo two'] },
  { id: 'c', title: 'AppArmor', status: 'warn', detail: 'on', fix: ['sudo one'] },
]

it('aligns, names each remedy once and counts', () => {
  expect(formatDoctor(results)).toBe(
    [
      '✓ Kernel           Linux',
      '✗ User namespaces  EPERM at clone3',
      '                     $ sudo one',
      '                     $ sudo two',
      '! AppArmor         on',
      '                     (mended by the command above)',
      '',
      'Containers cannot start here: 1 failed, 1 warned',
      '',
    ].join('\n'),
  )
})

it('colours only where asked, and writes JSON as it is', () => {
  const escape = '\u001b['
  expect(formatDoctor(results)).not.toContain(escape)
  expect(formatDoctor(results, { color: true })).toContain(`${escape}31m✗${escape}0m`)
  expect(JSON.parse(formatDoctorJson(results))).toEqual(results)
})
