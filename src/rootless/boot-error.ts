import { readFileSync } from 'node:fs'
import type { ErrorCode } from '../errors.ts'
import { AirplantError } from '../errors.ts'
import type { StepError } from './step-error.ts'

/** The kernel's switches that forbid user namespaces; a file that is missing gives undefined. */
export interface NamespaceSwitches {
  readonly maxUserNamespaces: string | undefined
  readonly unprivilegedUsernsClone: string | undefined
  readonly apparmorRestrict: string | undefined
}

/** Reads the switches of this machine. */
export function readNamespaceSwitches(): NamespaceSwitches {
  return {
    maxUserNamespaces: readSwitch('/proc/sys/user/max_user_namespaces'),
    unprivilegedUsernsClone: readSwitch('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmorRestrict: readSwitch('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
  }
}

/**
 * Says why a keeper could not boot, from the `error` frame with which it gave up.
 *
 * @param words what the keeper and the programs that it ran wrote to stderr
 */
export function explainBoot(error: StepError, words: string, switches: NamespaceSwitches): AirplantError {
  const { code, message, hint } = diagnose(error, words, switches)
  return new AirplantError({
    code,
    phase: 'session',
    message: `${message}: ${[error.errnoName, error.detail, words].filter(Boolean).join(', ')}`,
    hint,
    cause: error,
    errno: error.errnoName,
    step: error.what,
    detail: error.detail,
  })
}

interface Diagnosis {
  code: ErrorCode
  message: string
  hint: string
}

const FORBIDDEN = new Set(['EPERM', 'EACCES', 'ENOSPC', 'EINVAL', 'EUSERS'])
const MAPPING_STEPS = new Set(['newuidmap', 'newgidmap', 'maps'])

function diagnose(error: StepError, words: string, switches: NamespaceSwitches): Diagnosis {
  const isDenied = error.errnoName === 'EPERM' || error.errnoName === 'EACCES'
  // Ubuntu lets the namespace be made and then denies everything in it, so that a later step fails.
  const isRestricted = switches.apparmorRestrict === '1' && isDenied && !/newuidmap|newgidmap/.test(words)
  if ((error.what === 'clone3' && FORBIDDEN.has(error.errnoName)) || isRestricted) {
    const hint = `${allowNamespaces(error.errnoName, switches)}; "airplant doctor" checks it`
    return { code: 'ERR_NO_USER_NAMESPACES', message: 'Cannot make a user namespace', hint }
  }
  if (MAPPING_STEPS.has(error.what)) {
    const hint =
      'Give this account IDs in /etc/subuid and /etc/subgid and see that newuidmap is set-uid root ("airplant doctor"), ' +
      'or set AIRPLANT_IDS=single'
    return { code: 'ERR_ID_MAPPING', message: 'Cannot map the IDs of the containers', hint }
  }
  if (error.errnoName === 'ENOSPC' || error.errnoName === 'EDQUOT') {
    const hint = 'Free space where the state directory is, or set AIRPLANT_STATE_DIR to another file system'
    return { code: 'ERR_DISK_FULL', message: 'Cannot make the session directory', hint }
  }
  if (error.what === 'session') return diagnoseSession(error)
  const hint = 'Run "airplant doctor"'
  return { code: 'ERR_STEP_FAILED', message: `Cannot start the keeper: "${error.what}" failed`, hint }
}

const FULL = new Set(['ENOSPC', 'EDQUOT'])

function diagnoseSession({ errnoName }: StepError): Diagnosis {
  const message = 'Cannot make the session directory'
  if (FULL.has(errnoName)) {
    const hint = 'Free space or inodes there, or set AIRPLANT_STATE_DIR to a directory on another file system'
    return { code: 'ERR_DISK_FULL', message, hint }
  }
  const hint = 'Set AIRPLANT_STATE_DIR to a directory of your own on a local file system that can be written to'
  return { code: 'ERR_INVALID_OPTION', message, hint }
}

function allowNamespaces(errno: string, switches: NamespaceSwitches): string {
  if (switches.maxUserNamespaces === '0' || errno === 'ENOSPC') return 'sudo sysctl -w user.max_user_namespaces=28633'
  if (errno === 'EUSERS') return 'User namespaces are nested 32 deep already; start further outside'
  if (errno === 'EINVAL') return 'This kernel was built without CONFIG_USER_NS; use one that has it'
  if (switches.unprivilegedUsernsClone === '0') return 'sudo sysctl -w kernel.unprivileged_userns_clone=1'
  if (switches.apparmorRestrict === '1') return 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
  return 'Inside Docker, start that container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined'
}

function readSwitch(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
