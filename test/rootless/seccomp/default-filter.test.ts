import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { defaultCapabilities, resolveCapabilities } from '../../../src/rootless/capabilities.ts'
import { compileSeccomp } from '../../../src/rootless/seccomp/compile.ts'
import { builtDefaultFilter } from '../../../src/rootless/seccomp/default-filter.ts'
import { defaultProfile } from '../../../src/rootless/seccomp/default-profile.ts'

const built = pathToFileURL(join(import.meta.dirname, '../../../dist/src/rootless/seccomp/'))

test.each(['x64', 'arm64'] as const)('the filter that the build made for %s is what the compiler makes', (arch) => {
  const options = { capabilities: new Set(resolveCapabilities().names) }
  expect(builtDefaultFilter(arch, built)).toEqual(Buffer.from(compileSeccomp(defaultProfile, arch, options)))
})

test('the default capabilities come in the order in which a container names them', () => {
  expect(resolveCapabilities().names).toEqual([...defaultCapabilities])
})

test('a filter that is cut short is not used', () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-filter-'))
  try {
    writeFileSync(join(directory, 'default-x64.bpf'), Buffer.alloc(13))
    expect(builtDefaultFilter('x64', pathToFileURL(`${directory}/`))).toBeUndefined()
    expect(builtDefaultFilter('arm64', pathToFileURL(`${directory}/`))).toBeUndefined()
  } finally {
    rmSync(directory, { recursive: true })
  }
})
