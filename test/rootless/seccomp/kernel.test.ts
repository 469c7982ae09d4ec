import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { resolveCapabilities } from '../../../src/rootless/capabilities.ts'
import { compileSeccomp } from '../../../src/rootless/seccomp/compile.ts'
import { defaultProfile } from '../../../src/rootless/seccomp/default-profile.ts'
import { syscallTable } from '../../../src/rootless/seccomp/syscall-table.ts'

// Installs the filter given on stdin, then makes the calls given as JSON and prints their errnos, 0 for success.
const caller = `
import ctypes, json, os, sys
program = sys.stdin.buffer.read()
libc = ctypes.CDLL(None, use_errno=True)
class Fprog(ctypes.Structure):
    _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.c_char_p)]
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
fprog = Fprog(len(program) // 8, program)
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(fprog), 0, 0) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
errnos = []
for call in json.loads(sys.argv[1]):
    ctypes.set_errno(0)
    failed = libc.syscall(*[ctypes.c_long(word) for word in call]) == -1
    errnos.append(ctypes.get_errno() if failed else 0)
if os.fork() == 0:
    os.execvp('true', ['true'])
errnos.append(os.wait()[1])
print(json.dumps(errnos))
`

const supported = process.arch === 'x64' || process.arch === 'arm64'
const python = supported && spawnSync('python3', ['-c', 'import ctypes']).status === 0

test('installs in the kernel and decides there as in the tables', ({ skip }) => {
  if (!python) skip('needs python3 on x86-64 or arm64')
  const arch = process.arch as 'x64' | 'arm64'
  const nr = (name: string) => syscallTable(arch).get(name)!
  const expected: [call: number[], errno: number][] = [
    [[nr('getpid')], 0],
    [[nr('socket'), 2, 1, 0], 0],
    [[nr('socket'), 38, 5, 0], 1],
    [[nr('socket'), 40, 1, 0], 1],
    [[nr('personality'), 0xffffffff], 0],
    [[nr('personality'), 0x40000], 1],
    [[nr('unshare'), 0], 1],
    [[nr('setns'), -1, 0], 1],
    [[nr('keyctl'), 0, 0, 0], 1],
    [[nr('clone'), 0x10000011], 1],
    [[nr('clone3'), 0, 0], 38],
    [[nr('file_setattr'), 0, 0], 38],
    [[5000], 38],
    [[0x40000000 + nr('getpid')], 38],
  ]
  const capabilities = new Set(resolveCapabilities().names)
  const { stdout, stderr } = spawnSync('python3', ['-c', caller, JSON.stringify(expected.map(([call]) => call))], {
    input: compileSeccomp(defaultProfile, arch, { capabilities }),
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const forkAndExec = 0
  expect(JSON.parse(stdout)).toEqual([...expected.map(([, errno]) => errno), forkAndExec])
})
