import type { ContainerOptions } from '../containers/options.ts'
import { usageError } from './usage-error.ts'

/**
 * `seccomp=unconfined`, `seccomp=default`, `seccomp=FILE.json`, `no-new-privileges[=true|false]`; also with docker's older colon.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function readSecurityOption(
  text: string,
  readText: (path: string) => string,
): Pick<ContainerOptions, 'seccomp' | 'noNewPrivileges'> {
  const [name, value = ''] = text.split(/[=:](.*)/s, 2)
  if (name === 'no-new-privileges') {
    if (!['', 'true', 'false'].includes(value)) {
      throw usageError(`Cannot use "${value}" for no-new-privileges`, 'Write "true" or "false"')
    }
    return { noNewPrivileges: value !== 'false' }
  }
  if (name !== 'seccomp' || value === '') {
    throw usageError(
      `Cannot use --security-opt ${text}`,
      'Supported are seccomp=unconfined, seccomp=FILE.json and no-new-privileges',
    )
  }
  if (value === 'unconfined' || value === 'default') return { seccomp: value }
  return { seccomp: readProfile(value, readText(value)) }
}

function readProfile(path: string, text: string): NonNullable<ContainerOptions['seccomp']> {
  try {
    // The profile's form is checked where it is compiled.
    return JSON.parse(text) as NonNullable<ContainerOptions['seccomp']>
  } catch (error) {
    throw usageError(
      `Cannot read the seccomp profile "${path}": ${(error as Error).message}`,
      'It must be JSON in the OCI form',
    )
  }
}
