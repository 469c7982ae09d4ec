import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { formatIp } from '../../rootless/ip-address.ts'
import { formatSubnet, nth } from '../addresses/subnet.ts'
import type { Subnet } from '../addresses/subnet.ts'
import { MTU } from '../link-numbers.ts'
import { GUEST, SLIRP6, SLIRP6_ROUTER, TAP } from './egress-plan.ts'

/** A program that connects a tap to the host's network. */
export interface EgressProgram {
  readonly name: 'slirp4netns' | 'pasta'
  readonly path: string
}

/** The network namespace, as slirp4netns inherits it. */
const INHERITED = '/proc/self/fd/3'

/**
 * The same for pasta, which since 2024 closes what it inherits: a path that its AppArmor profile of Debian and Ubuntu lets it open, and that
 * {@link Plan.showNetwork} makes for it.
 */
export const SHOWN = '/tmp/network'

/** What a program is told. */
export interface EgressCommand {
  readonly program: EgressProgram
  /** Its subnet. */
  readonly tap: Subnet
  readonly hasIpv6: boolean
  /** Where pasta writes its pid when it serves; undefined where it may not. */
  readonly pidFile: string | undefined
}

/**
 * The program that was asked for, or the better one of those that are installed.
 *
 * @throws {AirplantError} `ERR_EGRESS_UNAVAILABLE` that names the package
 */
export function findEgressProgram(wanted: EgressProgram['name'] | undefined, env: NodeJS.ProcessEnv): EgressProgram {
  const names = wanted === undefined ? (['slirp4netns', 'pasta'] as const) : [wanted]
  for (const name of names) {
    const path = findProgram(name, env)
    if (path !== undefined) return { name, path }
  }
  throw new AirplantError({
    code: 'ERR_EGRESS_UNAVAILABLE',
    phase: 'create',
    message: `Cannot connect containers to other machines: ${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} not installed`,
    hint: `Install the package ${wanted === 'pasta' ? 'passt' : 'slirp4netns'}, or leave out egress: everything else works without`,
  })
}

/** The program's words. Nothing of the host's loopback, no names, no port is offered. */
export function egressCommand({ program, tap, hasIpv6, pidFile }: EgressCommand): string[] {
  const { name, path } = program
  if (name === 'slirp4netns') {
    const options = [`--cidr=${formatSubnet(tap)}`, `--mtu=${MTU}`, '--disable-host-loopback', '--disable-dns']
    const closed = ['--enable-sandbox', '--enable-seccomp', ...(hasIpv6 ? ['--enable-ipv6'] : [])]
    return [path, '--netns-type=path', ...options, ...closed, '--ready-fd=1', INHERITED, TAP.name]
  }
  const addresses = ['-a', formatIp(nth(tap, GUEST)), '-n', String(tap.prefix), '-g', formatIp(nth(tap, 2))]
  const six = hasIpv6 ? ['-a', formatIp(nth(SLIRP6, GUEST)), '-g', SLIRP6_ROUTER] : ['-4']
  const none = ['-t', '-u', '-T', '-U', '-D', '-S'].flatMap((option) => [option, 'none'])
  const closed = ['--no-map-gw', '--no-dhcp', '--no-dhcpv6', '--no-ra']
  const rest = ['-m', String(MTU), '-I', TAP.name, '--netns', SHOWN, '--no-netns-quit']
  const ready = pidFile === undefined ? [] : ['-P', pidFile]
  return [path, '-f', '-q', ...addresses, ...six, ...none, ...closed, ...rest, ...ready]
}

/** Whether pasta's AppArmor profile lets it write a file there, which it and we see. */
export function mayWritePid(path: string): boolean {
  return /^\/(home\/[^/]+|root)\//.test(path)
}

function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  // An ordinary user's PATH often lacks the sbin directories.
  const directories = [...(env['PATH'] ?? '').split(delimiter), '/usr/local/bin', '/usr/bin', '/usr/sbin', '/sbin']
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
