import { constants } from 'node:os'
import { expect, test } from 'vitest'
import type { NamespaceSwitches } from '../../src/rootless/boot-error.ts'
import { explainBoot } from '../../src/rootless/boot-error.ts'
import { StepError } from '../../src/rootless/step-error.ts'

const { EACCES, EINVAL, EIO, ENOSPC, EPERM, EROFS } = constants.errno
const open: NamespaceSwitches = {
  maxUserNamespaces: '63000',
  unprivilegedUsernsClone: undefined,
  apparmorRestrict: undefined,
}

test.each([
  ['clone3', EPERM, { ...open, unprivilegedUsernsClone: '0' }, 'kernel.unprivileged_userns_clone=1'],
  ['clone3', EPERM, { ...open, apparmorRestrict: '1' }, 'kernel.apparmor_restrict_unprivileged_userns=0'],
  ['setup', EACCES, { ...open, apparmorRestrict: '1' }, 'kernel.apparmor_restrict_unprivileged_userns=0'],
  ['clone3', ENOSPC, { ...open, maxUserNamespaces: '0' }, 'user.max_user_namespaces='],
  ['clone3', 87, open, 'nested'],
  ['clone3', EINVAL, open, 'CONFIG_USER_NS'],
  ['clone3', EPERM, open, 'seccomp=unconfined'],
])('%s with errno %i means that user namespaces are forbidden, and names the switch', (what, errno, switches, hint) => {
  const error = explainBoot(new StepError({ step: -1, what, errno, detail: '' }), '', switches)
  expect(error).toMatchObject({ code: 'ERR_NO_USER_NAMESPACES', phase: 'session', step: what })
  expect(error.hint).toContain(hint)
  expect(error.hint).toContain('airplant doctor')
})

test('a refusal of newuidmap is about the mapping, with its own words', () => {
  const failure = new StepError({ step: -1, what: 'newuidmap', errno: EPERM, detail: '/usr/bin/newuidmap: status 1' })
  const error = explainBoot(failure, 'newuidmap: uid range [1-65536) not allowed', open)
  expect(error.code).toBe('ERR_ID_MAPPING')
  expect(error.message).toContain('not allowed')
})

test('anything else is a failed step with its name, errno and detail', () => {
  const error = explainBoot(new StepError({ step: -1, what: 'setup', errno: EIO, detail: '/dev/null' }), '', open)
  expect(error).toMatchObject({ code: 'ERR_STEP_FAILED', errno: 'EIO', detail: '/dev/null' })
})

test.each([
  ['ERR_DISK_FULL', ENOSPC],
  ['ERR_INVALID_OPTION', EROFS],
])('a session directory that cannot be made is %s, and the hint names the variable', (code, errno) => {
  const error = explainBoot(new StepError({ step: -1, what: 'session', errno, detail: '/state/sessions/1' }), '', open)
  expect(error).toMatchObject({ code, detail: '/state/sessions/1' })
  expect(error.hint).toContain('AIRPLANT_STATE_DIR')
})
