import { expect, test } from 'vitest'
import { isDigest, parseDigest } from '../../src/images/digest.ts'

const short = 'f'.repeat(64)
const long = '0'.repeat(128)

test('a digest of a known algorithm and its exact length comes apart', () => {
  expect(parseDigest(`sha256:${short}`)).toEqual({ algorithm: 'sha256', hex: short })
  expect(parseDigest(`sha512:${long}`)).toEqual({ algorithm: 'sha512', hex: long })
  expect(isDigest(`sha256:${short}`)).toBe(true)
})

test.each([
  ['', 'it names no algorithm'],
  [short, 'it names no algorithm'],
  ['sha256:', 'sha256 has 64 hexadecimal digits, not 0'],
  [`sha256:${short.slice(1)}`, 'not 63'],
  [`sha256:${short}0`, 'not 65'],
  [`sha512:${short}`, 'sha512 has 128 hexadecimal digits, not 64'],
  [`sha256:${'F'.repeat(64)}`, 'upper-case digits'],
  [`SHA256:${short}`, 'the algorithm "SHA256" is not known'],
  [`md5:${'0'.repeat(32)}`, 'the algorithm "md5" is not known'],
  [`sha384:${'0'.repeat(96)}`, 'the algorithm "sha384" is not known'],
  ['sha256:../../../../etc/passwd', 'not hexadecimal'],
  [`../sha256:${short}`, 'is not known'],
  [`sha256:${short}\n`, 'not hexadecimal'],
  [`sha256:${short}/../x`, 'not hexadecimal'],
  [` sha256:${short}`, 'is not known'],
  [`sha256:${'０'.repeat(64)}`, 'not hexadecimal'],
])('what could be a path or another algorithm is no digest: %j', (text, reason) => {
  expect(isDigest(text)).toBe(false)
  expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_REFERENCE' }))
  expect(() => parseDigest(text)).toThrow(reason)
})

test.each([undefined, null, 5, {}, { list: [`sha256:${short}`] }])('what is not a text is no digest: %j', (value) => {
  expect(isDigest(value)).toBe(false)
  expect(() => parseDigest(value as string)).toThrow('not a text')
})

test('a list of one digest is not taken for it', () => {
  expect(() => parseDigest([`sha256:${short}`] as unknown as string)).toThrow('not a text')
})
