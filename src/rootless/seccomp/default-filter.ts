import { readFileSync } from 'node:fs'

/**
 * The default filter for a container with the default capabilities, as the build compiled it; undefined where nothing was built, as when
 * TypeScript runs from its sources.
 */
export function builtDefaultFilter(
  arch: 'x64' | 'arm64',
  directory = new URL('.', import.meta.url),
): Uint8Array | undefined {
  try {
    const filter = readFileSync(new URL(`default-${arch}.bpf`, directory))
    // Whole instructions of 8 bytes, or the file is not what the build wrote.
    return filter.length > 0 && filter.length % 8 === 0 ? filter : undefined
  } catch {
    return undefined
  }
}
