import { AirplantError } from '../errors.ts'
import { readLayeredFile } from './layered-file.ts'
import type { SingleUser } from './plan/nested-user.ts'
import type { RootSpec, UserSpec } from './spec.ts'

/**
 * With a single-ID map the user must be known as numbers before there is a container, because the map is made for it. Undefined for
 * root. The root's files are only parsed for numbers, and links in it lead nowhere outside.
 *
 * @throws {AirplantError} `ERR_UNKNOWN_USER`
 */
export function resolveSingleUser({ user, group }: UserSpec, root: RootSpec): SingleUser | undefined {
  const account = isNumber(user) ? findLine(root, 'passwd', 2, user) : findLine(root, 'passwd', 0, user)
  const uid = user === '' ? 0 : isNumber(user) ? Number(user) : number(account?.[2])
  if (uid === undefined) throw unknown('user', user)
  const gid =
    group === ''
      ? (number(account?.[3]) ?? 0)
      : isNumber(group)
        ? Number(group)
        : number(findLine(root, 'group', 0, group)?.[2])
  if (gid === undefined) throw unknown('group', group)
  return uid === 0 && gid === 0 ? undefined : { uid, gid }
}

/**
 * Additional groups are as many IDs, and there is one.
 *
 * @throws {AirplantError} `ERR_UNKNOWN_USER`
 */
export function refuseGroups({ groups }: { readonly groups: readonly string[] }): void {
  if (groups.length === 0) return
  throw new AirplantError({
    code: 'ERR_UNKNOWN_USER',
    phase: 'start',
    message: `Cannot add the groups ${groups.join(', ')}: a single ID is mapped`,
    hint: 'Leave out groups, or give this account subordinate IDs: "airplant doctor" says how',
    detail: groups.join(', '),
  })
}

function findLine(root: RootSpec, file: 'passwd' | 'group', field: number, value: string): string[] | undefined {
  if (value === '') return undefined
  const text = readLayeredFile(root === 'host' ? ['/'] : root.lowers, `/etc/${file}`)
  const lines = text?.split('\n').map((line) => line.split(':'))
  return lines?.find((fields) => fields[field] === value)
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text)
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1 ? Number(text) : undefined
}

function unknown(kind: string, name: string): AirplantError {
  return new AirplantError({
    code: 'ERR_UNKNOWN_USER',
    phase: 'start',
    message: `Cannot run as ${kind} "${name}": the root has no such ${kind}`,
    hint: 'Use a name of its /etc/passwd and /etc/group, or a number',
    detail: name,
  })
}
