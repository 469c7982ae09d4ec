import type { RuleFilter, SeccompProfile, SeccompRule } from './profile.ts'

/** What a profile's `includes` and `excludes` are held against. */
export interface RuleContext {
  readonly arch: 'x64' | 'arm64'
  readonly capabilities: ReadonlySet<string>
  /** Kernel release as uname gives it; when missing, every `minKernel` counts as met. */
  readonly kernel?: string | undefined
}

// Docker resolves `arches` against the native processor only, so that a rule for amd64 reaches 32-bit programs too.
const goNames = { x64: 'amd64', arm64: 'arm64' }

/** The rules of a profile that count here. */
export function applicableRules(profile: SeccompProfile, context: RuleContext): SeccompRule[] {
  return profile.rules.filter(({ includes, excludes }) => {
    return (!includes || included(includes, context)) && !(excludes && excluded(excludes, context))
  })
}

function included({ caps, arches, minKernel }: RuleFilter, context: RuleContext): boolean {
  if (arches?.length && !arches.includes(goNames[context.arch])) return false
  if (caps && !caps.every((cap) => context.capabilities.has(cap))) return false
  return minKernel === undefined || isAtLeast(context.kernel, minKernel)
}

function excluded({ caps, arches, minKernel }: RuleFilter, context: RuleContext): boolean {
  if (arches?.includes(goNames[context.arch])) return true
  if (caps?.some((cap) => context.capabilities.has(cap))) return true
  return minKernel !== undefined && isAtLeast(context.kernel, minKernel)
}

function isAtLeast(kernel: string | undefined, wanted: string): boolean {
  if (kernel === undefined) return true
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}
