import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareSessions, stateDirectory } from '../../src/rootless/state-directory.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'airplant-state-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const uid = process.geteuid?.() ?? -1

test('the state directory is the one asked for, else of XDG_STATE_HOME, else of the home', () => {
  expect(stateDirectory({ AIRPLANT_STATE_DIR: '/a', XDG_STATE_HOME: '/b', HOME: '/c' }, 1000)).toBe('/a')
  expect(stateDirectory({ XDG_STATE_HOME: '/b', HOME: '/c' }, 1000)).toBe('/b/airplant')
  expect(stateDirectory({ XDG_STATE_HOME: 'relative', HOME: '/c' }, 1000)).toBe('/c/.local/state/airplant')
  expect(stateDirectory({}, 1000)).toBe(join(userInfo().homedir, '.local/state/airplant'))
  expect(stateDirectory({ XDG_STATE_HOME: '/b', HOME: '/root' }, 0)).toBe('/var/lib/airplant')
  expect(stateDirectory({ AIRPLANT_STATE_DIR: '/a' }, 0)).toBe('/a')
})

test('a relative AIRPLANT_STATE_DIR is refused', () => {
  expect(() => stateDirectory({ AIRPLANT_STATE_DIR: 'here' }, 1000)).toThrow('not an absolute path')
})

test('sessions are made private, and found again', () => {
  const state = join(directory, 'deep', 'state')
  expect(prepareSessions(state, uid)).toBe(join(state, 'sessions'))
  expect(statSync(join(state, 'sessions')).mode & 0o777).toBe(0o700)
  expect(prepareSessions(state, uid)).toBe(join(state, 'sessions'))
})

test('sessions of someone else, of a symlink or open to others are refused', () => {
  prepareSessions(directory, uid)
  expect(() => prepareSessions(directory, uid + 1)).toThrow(`has to belong to ${uid + 1}`)
  chmodSync(join(directory, 'sessions'), 0o750)
  expect(() => prepareSessions(directory, uid)).toThrow('its mode is 0750')
  const other = join(directory, 'other')
  mkdirSync(other)
  symlinkSync(join(directory, 'sessions'), join(other, 'sessions'))
  expect(() => prepareSessions(other, uid)).toThrow('not a directory')
})

test('a place where no directory can be made is refused at once, also where the kernel says that it does not exist', () => {
  expect(() => prepareSessions('/proc/1/nowhere', uid)).toThrow('Cannot make the state directory "/proc/1/nowhere"')
})
