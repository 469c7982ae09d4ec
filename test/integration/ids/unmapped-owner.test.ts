import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf } from '../../support/containers.ts'

checkLeftovers()

test('a root with files of real root is refused, with a file, its owner and what to do', async ({ skip }) => {
  if (process.getuid?.() === 0) skip('for root see real-root.root.test.ts')
  for (const rootfs of ['/etc', '/usr']) {
    const error = await errorOf(withContainer({ image: { rootfs }, command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_UNMAPPED_OWNER', phase: 'create', image: rootfs })
    expect(error.message).toContain('(0:0)')
    expect(error.message).toMatch(new RegExp(`"${rootfs}`))
    expect(error.hint).toMatch(/chown|yourself/)
  }
})

test('the check is repeated when the root has changed', async ({ skip }) => {
  if (process.getuid?.() === 0) skip('for root see real-root.root.test.ts')
  const rootfs = mkdtempSync(join(tmpdir(), 'airplant-empty-'))
  expect((await errorOf(withContainer({ image: { rootfs }, command: ['true'] }))).code).toBe('ERR_COMMAND_NOT_FOUND')
  expect(existsSync(rootfs)).toBe(true)
  rmSync(rootfs, { recursive: true })
  expect((await errorOf(withContainer({ image: { rootfs }, command: ['true'] }))).code).toBe('ERR_SOURCE_MISSING')
})
