import { expect, test } from 'vitest'
import { fileError } from '../../../src/rootless/files/file-error.ts'

const failure = (errno: string, what: string, detail = '', path = 'etc/x'): Parameters<typeof fileError>[0] => ({
  errno,
  what,
  path,
  detail,
})

test.each([
  [failure('ENOSPC', 'write'), 'ERR_DISK_FULL', 'Cannot write "etc/x": no space left'],
  [failure('EDQUOT', 'create'), 'ERR_DISK_FULL', 'the disk quota is used up'],
  [failure('EINVAL', 'owner', 'user ID 70000 is not mapped'), 'ERR_UNMAPPED_OWNER', 'owner of "etc/x": user ID 70000'],
  [failure('EINVAL', 'unsafe', 'it is absolute'), 'ERR_UNSAFE_ARCHIVE', 'Cannot make "etc/x": it is absolute'],
  [failure('EFBIG', 'limit', 'more than 5 entries'), 'ERR_ARCHIVE_LIMIT', 'more than 5 entries'],
  [
    failure('ENOENT', 'missing', 'there is no file "y"'),
    'ERR_INVALID_ARCHIVE',
    'Cannot make the hard link "etc/x": there is no file "y"',
  ],
  [failure('ENOENT', 'base', '', ''), 'ERR_PATH_MISSING', 'Cannot use the directory "/": it does not exist'],
  [failure('EROFS', 'create'), 'ERR_FILE_FAILED', 'Cannot create "etc/x": EROFS'],
  [failure('EPERM', 'create', 'it lies in /proc or /sys'), 'ERR_FILE_FAILED', 'it lies in /proc or /sys, EPERM'],
])('%j is %s', (told, code, words) => {
  const error = fileError(told)
  expect(error.code).toBe(code)
  expect(error.message).toContain(words)
  expect(error.hint).toBeTruthy()
  expect(error.message.split('\n')[0]).not.toMatch(/\.$/)
})

test('a name from an archive cannot write to the terminal', () => {
  expect(fileError(failure('EIO', 'write', '', '\u001b[2J\n')).message).toContain('"\\u001b[2J\\n"')
})
