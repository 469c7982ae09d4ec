import { expect, test } from 'vitest'
import {
  canonicalKey,
  matchLength,
  parseRegistryKey,
} from '../../../../src/images/registry/credentials/registry-key.ts'

test.each([
  ['https://index.docker.io/v1/', 'docker.io', ''],
  ['https://index.docker.io/v1', 'docker.io', ''],
  ['index.docker.io/v1/', 'docker.io', ''],
  ['index.docker.io', 'docker.io', ''],
  ['https://registry-1.docker.io/v2/', 'docker.io', ''],
  ['docker.io', 'docker.io', ''],
  ['docker.io/library/postgres', 'docker.io', 'library/postgres'],
  ['Registry.Example.com', 'registry.example.com', ''],
  ['registry.example.com:5000/', 'registry.example.com:5000', ''],
  ['http://localhost:5000/v2/', 'localhost:5000', ''],
  ['HTTPS://registry.example.com/some/path', 'registry.example.com', ''],
  ['registry.example.com/team/app/', 'registry.example.com', 'team/app'],
  ['[::1]:5000/team', '[::1]:5000', 'team'],
])('the key %j is for %s and the prefix %j', (key, host, path) => {
  expect(parseRegistryKey(key)).toEqual({ host, path })
})

test('a prefix ends between two parts of a name', () => {
  expect(matchLength('example.com/team', 'example.com', 'team/app')).toBe(4)
  expect(matchLength('example.com/team', 'example.com', 'team')).toBe(4)
  expect(matchLength('example.com/team', 'example.com', 'teams/app')).toBeUndefined()
  expect(matchLength('example.com', 'example.com', 'app')).toBe(0)
  expect(matchLength('example.com', 'example.com:443', 'app')).toBeUndefined()
  expect(matchLength('example.com', 'evil.example.com', 'app')).toBeUndefined()
})

test('helpers are asked as Docker asks them', () => {
  expect(canonicalKey('docker.io')).toBe('https://index.docker.io/v1/')
  expect(canonicalKey('ghcr.io')).toBe('ghcr.io')
})
