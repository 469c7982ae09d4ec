import { expect, test } from 'vitest'
import { FieldReader } from '../../../src/rootless/protocol/fields.ts'
import { operations } from '../../../src/rootless/protocol/operations.ts'
import { INFINITE_LIMIT, OWN_NETWORK, Plan, SLOTS } from '../../../src/rootless/protocol/plan.ts'

const bytes = Buffer.from([0, 255])

/** One call of each method. */
function everyStep(): Plan {
  return new Plan()
    .hostMkdir('/a', 0o700)
    .hostWrite('/a/b', 0o600, 'text')
    .openTree(0, '/', 3)
    .openFile(1, '/etc/hosts')
    .takeFd(2, 5)
    .newMount(3, 'tmpfs', ['size=1m', 'mode=755'], 0x6)
    .overlay(4, ['/l1', '/l2'], '/u', '/w', ['userxattr'], 0)
    .setAttributes(0, 0x1, 0, true)
    .waitMount('/m', 0x65735546, 5000)
    .enterRoot(4)
    .attach(0, '/mnt', 5)
    .subtree(5, 3, 'run', 0o755)
    .mask(6, 7, ['/proc/kcore'])
    .readonly(['/proc/sys'])
    .mkdir('/x', 0o755, 0, 0)
    .writeFile('/x/y', 0o644, 1, 2, bytes)
    .copyIn(1, '/x/z', 0o644, 0, 0)
    .symlink('/proc/self/fd', '/dev/fd')
    .rootAttributes(1, 0)
    .hostname('box')
    .netlink(bytes)
    .sysctl('net/ipv4/ping_group_range', '0 0')
    .nestUser('0 0 1', '0 0 1', 0x20000)
    .rlimit(7, 1024, INFINITE_LIMIT)
    .umask(0o22)
    .tty(24, 80, true)
    .chdir('/x')
    .credentials('postgres', '', ['10', 'tty'], 0xffn, 3n, 0)
    .noNewPrivs()
    .seccomp(bytes)
    .exec(['sh', '-c', 'true'], ['PATH=/bin'], 1)
    .hostExec(['/bin/true'], [])
    .unmount('/m')
    .probeOverlay('/p')
    .scanOwners('/r', 10)
    .hostRename('/f', '/t', 1)
    .hostRemove('/d')
    .lock('/l', 3)
    .listen(8, '/s/f')
    .files(8)
    .socket(9, OWN_NETWORK, 'udp', '::1', 53)
    .gate(9, '/s/dns', 0)
    .forward()
    .networkOf(10, 0)
    .joinNetwork(10)
    .offerNetwork()
    .tap('tap0', 101)
    .netfilter(bytes)
    .hostGate('172.30.0.1', 3000)
    .showNetwork(10, '/tmp/network')
}

test('every operation has a method, and encodes its fields in order', () => {
  const plan = everyStep()
  expect(plan.steps.map((step) => step.name).sort()).toEqual(Object.keys(operations).sort())
  const reader = new FieldReader(plan.encode())
  expect(reader.u32()).toBe(plan.steps.length)
  for (const step of plan.steps) {
    const [number, fields] = operations[step.name]
    expect([reader.u16(), reader.u16()]).toEqual([number, 0])
    const body = new FieldReader(reader.raw(reader.u32()))
    const read = Array.from(fields, (letter) =>
      letter === 'u' ? body.big() : letter === 's' ? body.s() : letter === 'b' ? body.b() : body.v(),
    )
    body.end()
    expect(read).toEqual(step.args.map((value) => (typeof value === 'number' ? BigInt(value) : value)).map(asBuffer))
  }
  reader.end()
})

test('an empty plan is four bytes', () => {
  expect(new Plan().encode().toString('hex')).toBe('00000000')
})

test('slots are numbers from 0 to 511, each given once', () => {
  const plan = new Plan()
  expect(Array.from({ length: SLOTS }, () => plan.slot())).toEqual(Array.from({ length: 512 }, (_, index) => index))
  expect(() => plan.slot()).toThrow('all 512')
})

test('a plan prints one line per step, and a step by its index', () => {
  const lines = everyStep().describe().split('\n')
  expect(lines[0]).toBe('0 hostMkdir path="/a" mode=0700')
  expect(lines[5]).toBe('5 newMount slot=3 type="tmpfs" options=["size=1m", "mode=755"] attributes=0x6')
  expect(lines[23]).toBe('23 rlimit resource=7 soft=1024 hard=infinity')
  expect(lines[27]).toBe(
    '27 credentials user="postgres" group="" groups=["10", "tty"] bounding=0xff permitted=0x3 ambient=0',
  )
  expect(lines[1]).toContain('content="text"')
  expect(lines[29]).toMatch(/^29 seccomp filter=<2 bytes, sha256 [0-9a-f]{12}>$/)
  expect(lines[40]).toBe('40 socket slot=9 network=512 protocol=1 address="::1" port=53')
  expect(lines[41]).toBe('41 gate slot=9 target="/s/dns" port=0')
  expect(everyStep().describeStep(28)).toBe('noNewPrivs')
  expect(everyStep().describeStep(99)).toBeUndefined()
  expect(String(everyStep())).toBe(everyStep().describe())
})

test('text with a NUL is refused when the plan is encoded', () => {
  expect(() => new Plan().exec(['a\0b'], [], 0).encode()).toThrow('NUL')
  expect(() => new Plan().chdir('/\0').encode()).toThrow(TypeError)
})

function asBuffer(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value) : value
}
