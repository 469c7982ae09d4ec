import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLayeredFile } from '../../src/containers/layered-file.ts'
import type { TinyLayer } from '../support/local-image.ts'
import { tinyLayer } from '../support/local-image.ts'

let parent: string
let low: TinyLayer
let top: TinyLayer
const read = (path = '/etc/passwd'): string | undefined => readLayeredFile([top.path, low.path], path)

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'airplant-layered-'))
  low = tinyLayer(parent).write('etc/passwd', 'low')
  top = tinyLayer(parent)
})
afterEach(() => rmSync(parent, { recursive: true }))

test('the topmost layer that has the file wins', () => {
  expect(read()).toBe('low')
  top.write('etc/group', '')
  expect(read()).toBe('low')
  top.write('etc/passwd', 'top')
  expect(read()).toBe('top')
})

test('a whiteout, or something else in the place, hides it', () => {
  top.whiteout('etc/passwd')
  expect(read()).toBeUndefined()
  top = tinyLayer(parent).whiteout('etc')
  expect(read()).toBeUndefined()
  top = tinyLayer(parent).write('etc', 'a file')
  expect(read()).toBeUndefined()
  top = tinyLayer(parent).write('etc/.wh..wh..opq', '')
  expect(read()).toBeUndefined()
})

test('links are followed across layers, and not out of the root', () => {
  top.write('usr/share/accounts', 'linked')
  rmSync(join(low.path, 'etc'), { recursive: true })
  mkdirSync(join(low.path, 'etc'))
  symlinkSync('../usr/share/accounts', join(low.path, 'etc/passwd'))
  expect(read()).toBe('linked')
  symlinkSync('/../../../usr/./share', join(low.path, 'etc/far'))
  expect(read('/etc/far/accounts')).toBe('linked')
  symlinkSync('/etc/hostname', join(low.path, 'etc/group'))
  expect(read('/etc/group')).toBeUndefined()
  symlinkSync('loop', join(low.path, 'etc/loop'))
  expect(read('/etc/loop')).toBeUndefined()
})

test('what is no regular file, or too large, is none', () => {
  mkdirSync(join(top.path, 'etc/dir'), { recursive: true })
  expect(read('/etc/dir')).toBeUndefined()
  expect(read('/etc/gone')).toBeUndefined()
  top.write('etc/passwd', 'x'.repeat(1024 ** 2 + 1))
  expect(read()).toBeUndefined()
})
