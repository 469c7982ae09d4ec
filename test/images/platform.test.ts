import { expect, test } from 'vitest'
import type { Platform } from '../../src/images/descriptor.ts'
import type { ImageIndex } from '../../src/images/manifest.ts'
import { mediaTypes } from '../../src/images/media-types.ts'
import {
  checkPlatform,
  choosePlatform,
  formatPlatform,
  hostPlatform,
  parsePlatform,
} from '../../src/images/platform.ts'

function index(...platforms: (string | undefined)[]): ImageIndex {
  const manifests = platforms.map((text, at) => {
    const [os = '', architecture = '', variant] = text?.split('/') ?? []
    const platform: Platform = { os, architecture, ...(variant && { variant }) }
    const digest = `sha256:${String(at).repeat(64)}`
    return { mediaType: mediaTypes.ociManifest, digest, size: 1, ...(text !== undefined && { platform }) }
  })
  return { kind: 'index', mediaType: mediaTypes.ociIndex, manifests, annotations: {} }
}

function chosen(wanted: string, ...platforms: (string | undefined)[]): number {
  return Number(choosePlatform(index(...platforms), parsePlatform(wanted)).digest[7])
}

test('the platform of this machine has its Go name', () => {
  expect(hostPlatform('x64')).toEqual({ os: 'linux', architecture: 'amd64' })
  expect(hostPlatform('arm64')).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' })
  expect(hostPlatform('riscv64')).toEqual({ os: 'linux', architecture: 'riscv64' })
})

test('platforms are read as docker reads them', () => {
  const forms: [string, string][] = [
    ['linux/amd64', 'linux/amd64'],
    ['LINUX/X86_64', 'linux/amd64'],
    ['amd64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64/v8'],
    ['arm64', 'linux/arm64/v8'],
    ['linux/arm', 'linux/arm/v7'],
    ['arm/v6', 'linux/arm/v6'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['armhf', 'linux/arm/v7'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
  ]
  for (const [text, full] of forms) expect(formatPlatform(parsePlatform(text))).toBe(full)
  expect(parsePlatform('linux')).toEqual(hostPlatform())
  for (const text of ['', 'linux/', 'a/b/c/d', 'linux/amd 64', '../x']) {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  }
})

test('the nearest variant that runs is chosen', () => {
  expect(chosen('linux/amd64', 'linux/arm64/v8', 'linux/amd64', 'linux/amd64/v2')).toBe(1)
  expect(chosen('linux/amd64/v3', 'linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4')).toBe(1)
  expect(chosen('linux/arm64', 'linux/amd64', 'linux/arm64')).toBe(1)
  expect(chosen('linux/aarch64', 'linux/arm64/v8')).toBe(0)
  expect(chosen('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm/v8')).toBe(1)
  expect(chosen('linux/386', 'linux/i386')).toBe(0)
})

test('attestations are no images', () => {
  expect(() => chosen('linux/amd64', 'unknown/unknown', 'linux/s390x')).toThrow('the index has linux/s390x')
  const attested = index('linux/amd64', 'linux/amd64')
  const manifests = attested.manifests.map((each, at) =>
    at === 0 ? { ...each, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } } : each,
  )
  expect(choosePlatform({ ...attested, manifests }, parsePlatform('amd64')).digest[7]).toBe('1')
})

test('a missing platform is told with those that there are', () => {
  const error = expect.objectContaining({ code: 'ERR_PLATFORM_MISSING' })
  expect(() => chosen('linux/amd64', 'linux/arm64/v8', 'windows/amd64')).toThrow(error)
  expect(() => chosen('linux/amd64', 'linux/arm64/v8', 'windows/amd64')).toThrow('linux/arm64/v8, windows/amd64')
  expect(() => chosen('linux/amd64')).toThrow('no images')
})

test('an only image that says no platform is taken', () => {
  expect(chosen('linux/amd64', undefined)).toBe(0)
  expect(() => chosen('linux/amd64', undefined, undefined)).toThrow('unknown')
})

test('an image without an index is checked by its configuration', () => {
  const wanted = parsePlatform('amd64')
  expect(() => checkPlatform({ os: 'linux', architecture: 'amd64' }, wanted, 'x')).not.toThrow()
  expect(() => checkPlatform({ os: 'linux', architecture: '' }, wanted, 'x')).not.toThrow()
  expect(() => checkPlatform({ os: 'linux', architecture: 'arm64' }, wanted, 'x')).toThrow(
    '"x" is made for linux/arm64/v8',
  )
})
