import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { afterAll, expect, test } from 'vitest'
import { hostsSection, replaceSection, rewriteHosts } from '../../src/networks/hosts-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'airplant-hosts-'))
afterAll(() => rmSync(directory, { recursive: true }))

const web = hostsSection('web', [{ address: '10.89.0.5', names: ['db', 'postgres'] }])

test('a section is added at the end, replaced where it stands, and taken out', () => {
  const base = '127.0.0.1\tlocalhost\n'
  const added = replaceSection(base, 'web', web)
  expect(added).toBe(`${base}# network web\n10.89.0.5\tdb postgres\n# end of network web\n`)
  const own = `${added}192.0.2.1\tmine\n`
  const other = hostsSection('web', [{ address: '10.89.0.6', names: ['db'] }])
  expect(replaceSection(own, 'web', other)).toBe(
    `${base}# network web\n10.89.0.6\tdb\n# end of network web\n192.0.2.1\tmine\n`,
  )
  expect(replaceSection(own, 'web', '')).toBe(`${base}192.0.2.1\tmine\n`)
  expect(replaceSection(base, 'web', '')).toBe(base)
})

test("one network's section is not another's, whose name begins so", () => {
  const text = replaceSection(replaceSection('', 'web2', hostsSection('web2', [])), 'web', web)
  const both = replaceSection(text, 'web2', hostsSection('web2', [{ address: '10.89.1.5', names: ['db'] }]))
  expect(replaceSection(both, 'web', '')).toBe('# network web2\n10.89.1.5\tdb\n# end of network web2\n')
})

test.each(['no line end', '# network web\nthe end is missing', ''])(
  'what a container made of its file stays: "%s"',
  (text) => {
    expect(replaceSection(text, 'web', web)).toContain(text)
    expect(replaceSection(text, 'web', web)).toContain(web)
  },
)

test('the file is changed in place, and a shorter text leaves nothing behind', () => {
  const path = join(directory, 'hosts')
  writeFileSync(path, replaceSection('127.0.0.1\tlocalhost\n', 'web', web))
  const { ino } = statSync(path)
  rewriteHosts(path, 'web', '')
  expect(readFileSync(path, 'utf8')).toBe('127.0.0.1\tlocalhost\n')
  expect(statSync(path).ino).toBe(ino)
})

test('neither a link nor a pipe in its place, nor its absence, is followed, waited for or told', () => {
  const target = join(directory, 'target')
  writeFileSync(target, 'precious')
  symlinkSync(target, join(directory, 'link'))
  expect(() => rewriteHosts(join(directory, 'link'), 'web', web)).toThrow(/ELOOP/)
  expect(readFileSync(target, 'utf8')).toBe('precious')
  execFileSync('mkfifo', [join(directory, 'pipe')])
  rewriteHosts(join(directory, 'none'), 'web', web)
  expect(() => rewriteHosts(join(directory, 'pipe'), 'web', web)).toThrow()
})

test('a file that a container has filled up is left alone', () => {
  const path = join(directory, 'full')
  writeFileSync(path, 'x'.repeat(2 * 1024 * 1024))
  rewriteHosts(path, 'web', web)
  expect(statSync(path).size).toBe(2 * 1024 * 1024)
})
