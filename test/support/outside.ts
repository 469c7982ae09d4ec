import { execFileSync } from 'node:child_process'

/**
 * The test world "outside": tests named `*.outside.test.ts` run in a user and network namespace which
 * scripts/setup/outside.mjs makes. Its only way out is an interface with these addresses, and all of its names come
 * from `nameServer`; so a packet or a question that leaves a container ends here, never at a real address.
 */
export const outside = {
  ipv4: '198.51.100.1',
  ipv6: '2001:db8::1',
  /** What /etc/resolv.conf names; `serveNames` answers there. */
  nameServer: '198.51.100.1',
  /** Where `serveOutside` answers: HTTP, and an echo by TCP and UDP. */
  ports: { http: 80, echo: 7 },
} as const

/** Whether this process is in that world. */
export const isOutside = process.env['AIRPLANT_OUTSIDE'] === '1'

/**
 * Why a test that runs this program cannot run here; undefined when it can. Not only by PATH: an ordinary user's
 * often lacks the sbin directories.
 *
 * @example
 * const missing = missingProgram('pasta', 'passt')
 * test.skipIf(missing)(`egress by pasta${missing ? ` (${missing})` : ''}`, async () => { ... })
 */
export function missingProgram(name: string, debianPackage = name): string | undefined {
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` }
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { env, stdio: 'ignore' })
    return undefined
  } catch {
    return `needs ${name}, of the package ${debianPackage}`
  }
}
