import { readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
import type { SingleUser } from './plan/nested-user.ts'
import { contains } from './plan/host-image.ts'
import type { UserSpec } from './spec.ts'

const MOST_BYTES = 1024 ** 2

/**
 * With a single-ID map the user must be known as numbers before there is a container, because the map is made for it. Undefined for
 * root. The root's files are only parsed for numbers, and only when they really lie inside it.
 *
 * @throws {AirplantError} `ERR_UNKNOWN_USER`
 */
export function resolveSingleUser({ user, group }: UserSpec, rootfs: string | undefined): SingleUser | undefined {
  const root = rootfs ?? '/'
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

function findLine(root: string, file: 'passwd' | 'group', field: number, value: string): string[] | undefined {
  if (value === '') return undefined
  try {
    const path = realpathSync(join(root, 'etc', file))
    const stat = statSync(path)
    if (!contains(realpathSync(root), path) || !stat.isFile() || stat.size > MOST_BYTES) return undefined
    const lines = readFileSync(path, 'utf8').split('\n')
    return lines.map((line) => line.split(':')).find((fields) => fields[field] === value)
  } catch {
    return undefined
  }
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
