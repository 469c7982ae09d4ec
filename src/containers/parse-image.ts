import { resolve } from 'node:path'
import type { LocalImage } from '../images/image.ts'
import { checkOptions } from '../rootless/check-options.ts'
import type { OptionShape } from '../rootless/check-options.ts'
import { invalidOption } from './option-parsers.ts'
import type { Image, ImageSource, PullPolicy } from './options.ts'
import { archiveShape, ociShape, pullShape, rootfsShape, tarShape } from './option-shapes.ts'

/** What an `image` option asks for, and what to call it. */
export type ImageChoice = { readonly name: string } & (
  | { readonly kind: 'host' }
  | { readonly kind: 'rootfs'; readonly path: string }
  /** A reference, or where in the file system it is. */
  | { readonly kind: 'stored'; readonly source: string | ImageSource }
  | { readonly kind: 'local'; readonly image: LocalImage }
)

const HINT = 'Use "host", a reference such as "postgres:17", { rootfs }, { oci }, { archive } or { tar } with a path'

/**
 * Reads an `image` option. Paths are relative to `cwd`.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function parseImage(image: Image, cwd: string): ImageChoice {
  if (image === 'host') return { kind: 'host', name: image }
  if (typeof image === 'string') {
    if (image.trim() === '') throw invalidOption('image', image, 'it is empty', HINT)
    return { kind: 'stored', name: image, source: image }
  }
  const given: unknown = image
  if (typeof given !== 'object' || given === null) throw invalidOption('image', given, 'neither text nor object', HINT)
  if ('layers' in image) return { kind: 'local', name: image.id.replace(/^sha256:/, '').slice(0, 12), image }
  const path = (value: unknown): string => {
    if (typeof value === 'string' && value !== '' && !value.includes('\0')) return resolve(cwd, value)
    throw invalidOption('image', value, 'not a path', HINT)
  }
  const check = <T extends object>(value: T, shape: OptionShape<T>): void => checkOptions('image', value, shape)
  if ('oci' in image) {
    check(image, ociShape)
    return stored({ ...image, oci: path(image.oci) }, image.reference ?? image.oci)
  }
  if ('archive' in image) {
    check(image, archiveShape)
    return stored({ ...image, archive: path(image.archive) }, image.reference ?? image.archive)
  }
  if ('tar' in image) {
    check(image, tarShape)
    return stored({ tar: path(image.tar) }, image.tar)
  }
  check(image, rootfsShape)
  const directory = path(image.rootfs)
  return { kind: 'rootfs', name: directory, path: directory }
}

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function checkPullPolicy(policy: PullPolicy): void {
  const given: unknown = policy
  if (typeof given === 'string' && ['missing', 'always', 'never'].includes(given)) return
  if (typeof given === 'object' && given !== null) {
    checkOptions('a pull policy', given as { newerThan: number }, pullShape)
    const { newerThan } = given as { newerThan?: number }
    if (newerThan !== undefined && newerThan >= 0) return
  }
  const hint = 'Use "missing", "always", "never" or { newerThan } with milliseconds'
  throw invalidOption('pull', given, 'not a policy', hint)
}

function stored(source: ImageSource, name: string): ImageChoice {
  return { kind: 'stored', name, source }
}
