import type { ArgumentCondition, SeccompProfile, SeccompRule } from './profile.ts'
import { allowedNames, capabilityNames } from './default-names.ts'
import { allow, ENOSYS, EPERM, errno } from './verdict.ts'

// The address families of linux/socket.h without those that the kernel no longer has, without AF_ALG (38; Copy Fail,
// CVE-2026-31431) and without AF_VSOCK (40), which is not bound to the network namespace.
const highestOfTheFirstFamilies = 11
const otherFamilies = [
  13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45,
]

// Linux, BSD, no address randomisation, both, and asking for the current one.
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff]

// CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWNS.
const namespaceFlags = 0x7e020000n

const withoutAdmin = { excludes: { caps: ['CAP_SYS_ADMIN'] } }

/**
 * The rules of Docker's default profile (moby/profiles, seccomp/default.json, 2026), for x86-64 and arm64. Its rules for
 * other processors are left out, and so is its test for Linux 4.8 (ptrace could be used to leave the filter before
 * that), since nothing here runs on a kernel that old.
 */
export const defaultProfile: SeccompProfile = {
  defaultVerdict: errno(EPERM),
  i386: true,
  rules: [
    { names: words(allowedNames), verdict: allow },
    allowWhen('socket', { index: 0, op: 'LE', value: BigInt(highestOfTheFirstFamilies) }),
    ...otherFamilies.map((family) => allowWhen('socket', { index: 0, op: 'EQ', value: BigInt(family) })),
    ...personalities.map((persona) => allowWhen('personality', { index: 0, op: 'EQ', value: BigInt(persona) })),
    ...Object.entries(capabilityNames).map(([cap, names]) => ({
      names: words(names),
      verdict: allow,
      includes: { caps: [cap] },
    })),
    { ...allowWhen('clone', { index: 0, op: 'MASKED_EQ', value: namespaceFlags, valueTwo: 0n }), ...withoutAdmin },
    // clone3 hides its flags behind a pointer; with ENOSYS a C library falls back to clone.
    { names: ['clone3'], verdict: errno(ENOSYS), ...withoutAdmin },
  ],
}

function allowWhen(name: string, condition: ArgumentCondition): SeccompRule {
  return { names: [name], verdict: allow, args: [condition] }
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
