import { expect, test } from 'vitest'
import { imageFilter } from '../../src/cli/image-filters.ts'
import type { ListedImage } from '../../src/images/store/list-images.ts'

const now = Date.parse('2026-01-31T12:00:00Z')

function image(repository: string | undefined, tag: string | undefined, more: Partial<ListedImage> = {}): ListedImage {
  const created = '2026-01-01T00:00:00Z'
  const platform = { os: 'linux', architecture: 'amd64' }
  return {
    ...{ id: `sha256:${'ab'.repeat(32)}`, repository, tag, digest: undefined, created, bytes: 1, platform, labels: {} },
    ...more,
  }
}

const all = [
  image('postgres', '17', { created: '2026-01-20T00:00:00Z', id: `sha256:${'cd'.repeat(32)}` }),
  image('postgres', 'latest'),
  image('127.0.0.1:5000/team/app', '1.0', { labels: { team: 'red' } }),
  image('team/app', undefined, { created: undefined }),
  image(undefined, undefined, { created: '2026-01-31T11:00:00Z' }),
]

const names = (...filters: (readonly [string, ...string[]])[]): string[] => {
  const fits = imageFilter(new Map(filters.map(([name, ...values]) => [name, values])), all, now)
  return all.filter(fits).map(({ repository = '<none>', tag = '<none>' }) => `${repository}:${tag}`)
}

test('patterns fit names with and without a tag, and stop at slashes', () => {
  expect(names(['reference', 'postgres'])).toEqual(['postgres:17', 'postgres:latest'])
  expect(names(['reference', 'post*:1?'])).toEqual(['postgres:17'])
  expect(names(['reference', '*:latest'])).toEqual(['postgres:latest'])
  expect(names(['reference', '*'])).toEqual(['postgres:17', 'postgres:latest'])
  expect(names(['reference', '*/*/app', 'postgres:17'])).toEqual(['postgres:17', '127.0.0.1:5000/team/app:1.0'])
  expect(names(['reference', 'docker.io/library/postgres:17'])).toEqual(['postgres:17'])
  expect(names(['reference', 'postgres:[0-9]?'])).toEqual(['postgres:17'])
  expect(names(['reference', 'p.stgres'])).toEqual([])
  expect(() => names(['reference', '[z-a]'])).toThrow(/as a pattern of names/)
})

test('dangling images have no tag', () => {
  expect(names(['dangling', 'true'])).toEqual(['team/app:<none>', '<none>:<none>'])
  expect(names(['dangling', 'false'])).toHaveLength(3)
})

test('times are those at which images were made', () => {
  expect(names(['until', '24h'])).not.toContain('<none>:<none>')
  expect(names(['since', 'postgres:17'])).toEqual(['<none>:<none>'])
  expect(names(['before', 'cdcdcd'])).toEqual(['postgres:latest', '127.0.0.1:5000/team/app:1.0', 'team/app:<none>'])
  expect(() => names(['before', 'nothing'])).toThrow(/it is not in the store/)
})

test('labels have to fit too', () => {
  expect(names(['label', 'team=red'])).toEqual(['127.0.0.1:5000/team/app:1.0'])
  expect(names(['label', 'team=red'], ['reference', 'postgres'])).toEqual([])
})
