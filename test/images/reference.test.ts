import { expect, test } from 'vitest'
import { familiarName, formatReference, parseReference } from '../../src/images/reference.ts'

const sha256 = `sha256:${'f'.repeat(64)}`
const sha512 = `sha512:${'f'.repeat(128)}`
const long = 'a'.repeat(255)

test.each([
  // Docker Hub's defaults.
  ['postgres', 'docker.io', 'library/postgres', 'latest', undefined],
  ['postgres:17', 'docker.io', 'library/postgres', '17', undefined],
  ['docker.io/postgres', 'docker.io', 'library/postgres', 'latest', undefined],
  ['docker.io/library/postgres', 'docker.io', 'library/postgres', 'latest', undefined],
  ['index.docker.io/postgres', 'docker.io', 'library/postgres', 'latest', undefined],
  ['index.docker.io/library/postgres:17', 'docker.io', 'library/postgres', '17', undefined],
  ['bitnami/redis', 'docker.io', 'bitnami/redis', 'latest', undefined],
  ['a/b/c:d', 'docker.io', 'a/b/c', 'd', undefined],
  ['library/postgres', 'docker.io', 'library/postgres', 'latest', undefined],
  // One part alone is never a registry.
  ['test.com:5000', 'docker.io', 'library/test.com', '5000', undefined],
  ['192.168.1.1', 'docker.io', 'library/192.168.1.1', 'latest', undefined],
  ['localhost', 'docker.io', 'library/localhost', 'latest', undefined],
  ['foo_bar.com:8080', 'docker.io', 'library/foo_bar.com', '8080', undefined],
  ['foo/foo_bar.com:8080', 'docker.io', 'foo/foo_bar.com', '8080', undefined],
  // Registries.
  ['localhost/app', 'localhost', 'app', 'latest', undefined],
  ['localhost:5000/app', 'localhost:5000', 'app', 'latest', undefined],
  ['test:5000/repo', 'test:5000', 'repo', 'latest', undefined],
  ['test:5000/repo:tag', 'test:5000', 'repo', 'tag', undefined],
  ['127.0.0.1:5000/a/b:5050', '127.0.0.1:5000', 'a/b', '5050', undefined],
  ['sub-dom1.foo.com/bar/baz/quux:some-tag', 'sub-dom1.foo.com', 'bar/baz/quux', 'some-tag', undefined],
  [
    'b.gcr.io/test.example.com/my-app:test.example.com',
    'b.gcr.io',
    'test.example.com/my-app',
    'test.example.com',
    undefined,
  ],
  ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com', 'myimage', 'xn--n3h.com', undefined],
  ['Registry.Example.COM:443/app', 'registry.example.com:443', 'app', 'latest', undefined],
  ['Docker.IO/redis', 'docker.io', 'library/redis', 'latest', undefined],
  ['[2001:db8::1]/repo', '[2001:db8::1]', 'repo', 'latest', undefined],
  ['[2001:db8:1:2:3:4:5:6]/repo:tag', '[2001:db8:1:2:3:4:5:6]', 'repo', 'tag', undefined],
  ['[::1]:5000/repo', '[::1]:5000', 'repo', 'latest', undefined],
  ['[2001:DB8::1]:5000/repo', '[2001:db8::1]:5000', 'repo', 'latest', undefined],
  // Tags and digests.
  ['lowercase:Uppercase', 'docker.io', 'library/lowercase', 'Uppercase', undefined],
  ['a:_under.score-dash', 'docker.io', 'library/a', '_under.score-dash', undefined],
  [`a:${'t'.repeat(128)}`, 'docker.io', 'library/a', 't'.repeat(128), undefined],
  [`test:5000/repo@${sha256}`, 'test:5000', 'repo', undefined, sha256],
  [`test:5000/repo:tag@${sha256}`, 'test:5000', 'repo', 'tag', sha256],
  [`[::1]:5000/repo:tag@${sha512}`, '[::1]:5000', 'repo', 'tag', sha512],
  [`postgres@${sha256}`, 'docker.io', 'library/postgres', undefined, sha256],
  // Separators within a part.
  ['a.b/c_d/e__f/g-h/i---j', 'a.b', 'c_d/e__f/g-h/i---j', 'latest', undefined],
  // Lengths.
  [`example.com/${long}`, 'example.com', long, 'latest', undefined],
  [`example.com/${long}:tag@${sha256}`, 'example.com', long, 'tag', sha256],
  // 64 digits are an ID only alone.
  [`${'a'.repeat(64)}:tag`, 'docker.io', `library/${'a'.repeat(64)}`, 'tag', undefined],
  ['a'.repeat(63), 'docker.io', `library/${'a'.repeat(63)}`, 'latest', undefined],
])('%s is read as Docker reads it', (text, registry, repository, tag, digest) => {
  const reference = parseReference(text)
  expect(reference).toEqual({ registry, repository, ...(tag && { tag }), ...(digest && { digest }) })
  // Both ways of writing it name the same image again.
  expect(parseReference(formatReference(reference))).toEqual(reference)
  expect(parseReference(familiarName(reference))).toEqual(reference)
})

test.each([
  ['', 'no name', 'postgres:17'],
  [':justtag', 'a part of the name is empty', 'a to z'],
  [`@${sha256}`, 'a part of the name is empty', 'a to z'],
  ['a:', 'there is no tag after ":"', '128'],
  ['a:-b', '"-b" is not a tag', 'begins with none'],
  [`a:${'t'.repeat(129)}`, 'is not a tag', '128'],
  ['a:b:c', '"a:b" cannot be part of a name', 'a to z'],
  ['a//b', 'a part of the name is empty', 'a to z'],
  ['localhost:5000/', 'a part of the name is empty', 'a to z'],
  ['a/', 'a part of the name is empty', 'a to z'],
  ['-a', '"-a" cannot be part of a name', 'a to z'],
  ['a-', '"a-" cannot be part of a name', 'a to z'],
  ['a..b', '"a..b" cannot be part of a name', 'a to z'],
  ['a___b', '"a___b" cannot be part of a name', 'a to z'],
  ['../etc/passwd', '".." is not a host', 'host:port'],
  ['a/../b', '".." cannot be part of a name', 'a to z'],
  ['aa/asdf$$^/aa', '"asdf$$^" cannot be part of a name', 'a to z'],
  ['a b', '"a b" cannot be part of a name', 'a to z'],
  [' a', '" a" cannot be part of a name', 'a to z'],
  ['a\n', '"a\\n" cannot be part of a name', 'a to z'],
  ['ä', '"ä" cannot be part of a name', 'a to z'],
  ['Uppercase:Tag', '"Uppercase" has upper-case letters', 'Write "uppercase:Tag"'],
  ['Uppercase/lowercase', '"Uppercase" has upper-case letters', 'Write "uppercase/lowercase"'],
  ['test:5000/Uppercase/x:T', '"Uppercase" has upper-case letters', 'Write "test:5000/uppercase/x:T"'],
  [`Name@${sha256}`, '"Name" has upper-case letters', `Write "name@${sha256}"`],
  ['https://example.com/app', 'it begins with "https://"', 'write "example.com/app"'],
  ['docker://postgres', 'it begins with "docker://"', 'write "postgres"'],
  ['f'.repeat(64), 'it is the ID of an image', 'name@sha256:'],
  [sha256, 'it is the ID of an image', 'name@sha256:'],
  [`example.com/${long}a`, 'the repository has 256 characters', 'at most 255'],
  ['a/'.repeat(200000), 'the repository has', 'at most 255'],
  ['[2001:db8::1]', 'cannot be part of a name', 'a to z'],
  ['[::1]:5000', 'cannot be part of a name', 'a to z'],
  ['[fe80::1%eth0]:5000/repo', 'is not a host', 'IPv6'],
  ['[::1/repo', 'is not a host', 'IPv6'],
  ['[1:2]/repo', 'is not a host', 'IPv6'],
  ['::1/repo', 'is not a host', 'IPv6'],
  ['test:0/repo', '"test:0" is not a host', 'host:port'],
  ['test:65536/repo', '"test:65536" is not a host', 'host:port'],
  ['test:x/repo', '"test:x" is not a host', 'host:port'],
  ['-test.com/repo', '"-test.com" is not a host', 'host:port'],
  ['user:secret@example.com/repo', 'is wrong, it names no algorithm', 'sha256:'],
  [`repo@sha256:${'f'.repeat(34)}`, 'sha256 has 64 hexadecimal digits, not 34', '64'],
  [`a@invaliddigest:${'f'.repeat(64)}`, 'the algorithm "invaliddigest" is not known', 'sha256'],
  [`a@${sha256}@${sha256}`, 'not hexadecimal', 'sha256'],
  ['a@', 'it names no algorithm', 'sha256'],
])('%j is refused, and what is wrong is said', (text, reason, hint) => {
  expect(() => parseReference(text)).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_REFERENCE',
      message: expect.stringContaining(reason) as string,
      hint: expect.stringContaining(hint) as string,
    }),
  )
})

test.each([undefined, null, 17, {}])('what is not a text is refused: %j', (value) => {
  expect(() => parseReference(value as string)).toThrow('Cannot use')
})

test('a message shows neither control characters nor more than a line of what was given', () => {
  const error = thrownBy(() => parseReference(`\u001b[31m\u009b\u202e${'x '.repeat(5000)}`))

  expect(error.message).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(error.message.length).toBeLessThan(1000)
})

test.each([
  ['docker.io/library/postgres:17', 'postgres:17'],
  ['postgres', 'postgres:latest'],
  ['docker.io/bitnami/redis:7', 'bitnami/redis:7'],
  ['docker.io/library/a/b:1', 'library/a/b:1'],
  ['example.com/library/a:1', 'example.com/library/a:1'],
  [`postgres@${sha256}`, `postgres@${sha256}`],
  // Without its registry each of these would name another image, or none.
  ['docker.io/example.com/app:1', 'docker.io/example.com/app:1'],
  ['docker.io/localhost/app:1', 'docker.io/localhost/app:1'],
  [`docker.io/library/sha256:${'a'.repeat(64)}`, `docker.io/library/sha256:${'a'.repeat(64)}`],
])('%s is shown as %s', (text, short) => {
  expect(familiarName(parseReference(text))).toBe(short)
})

test('the default tag can be left out', () => {
  expect(parseReference('postgres', { defaultTag: false })).toEqual({
    registry: 'docker.io',
    repository: 'library/postgres',
  })
})

function thrownBy(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
