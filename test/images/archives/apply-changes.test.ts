import { describe, expect, test } from 'vitest'
import { applyChanges } from '../../../src/images/archives/apply-changes.ts'
import { splitWords } from '../../../src/images/archives/split-words.ts'

const base = {
  Cmd: ['old'],
  Entrypoint: ['/entry'],
  Env: ['PATH=/bin', 'A=1'],
  ExposedPorts: { '1/tcp': {} },
  Labels: { kept: 'yes' },
  WorkingDir: '/srv',
  Healthcheck: { Test: ['NONE'] },
}

describe('an instruction changes', () => {
  test.each<[string, object]>([
    ['CMD ["a", "b c"]', { Cmd: ['a', 'b c'] }],
    ['cmd a "b c"', { Cmd: ['/bin/sh', '-c', 'a "b c"'] }],
    ['ENTRYPOINT ["x"]', { Entrypoint: ['x'], Cmd: undefined }],
    ['ENV A=2 B="two words" C=d\\ e', { Env: ['PATH=/bin', 'A=2', 'B=two words', 'C=d e'] }],
    ['ENV A the rest', { Env: ['PATH=/bin', 'A=the rest'] }],
    ['ENV A=', { Env: ['PATH=/bin', 'A='] }],
    ['EXPOSE 80 53/UDP 8000-8002', { ExposedPorts: { '1/tcp': {}, '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {}, '8002/tcp': {} } }], // prettier-ignore
    ['LABEL a=b "c d"="e f"', { Labels: { kept: 'yes', a: 'b', 'c d': 'e f' } }],
    ['USER 12:34', { User: '12:34' }],
    ['VOLUME ["/data", "/more"]', { Volumes: { '/data': {}, '/more': {} } }],
    ['VOLUME /data /more', { Volumes: { '/data': {}, '/more': {} } }],
    ['WORKDIR /app', { WorkingDir: '/app' }],
    ['WORKDIR sub/dir', { WorkingDir: '/srv/sub/dir' }],
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    ['HEALTHCHECK CMD ["ready", "-q"]', { Healthcheck: { Test: ['CMD', 'ready', '-q'] } }],
    ['HEALTHCHECK --interval=1m30s --timeout=500ms --retries=5 CMD ready || exit 1', { Healthcheck: { Test: ['CMD-SHELL', 'ready || exit 1'], Interval: 90e9, Timeout: 5e8, Retries: 5 } }], // prettier-ignore
    ['STOPSIGNAL SIGINT', { StopSignal: 'SIGINT' }],
  ])('%s', (text, expected) => {
    const before = structuredClone(base)
    expect(applyChanges(base, [text])).toEqual({ ...base, ...expected })
    expect(base).toEqual(before)
  })

  test('CMD before ENTRYPOINT is kept', () => {
    expect(applyChanges({}, ['CMD ["c"]', 'ENTRYPOINT ["e"]'])).toEqual({ Cmd: ['c'], Entrypoint: ['e'] })
  })
})

test.each([
  '',
  'FROM x',
  'RUN true',
  'CMD',
  'CMD [1]',
  'CMD ["a"',
  'ENV A',
  'ENV =x A=1',
  'EXPOSE no',
  'EXPOSE 0',
  'EXPOSE 9-8',
  'EXPOSE 99999',
  'toString x',
  'HEALTHCHECK ready',
  'HEALTHCHECK CMD',
  'HEALTHCHECK --interval=5 CMD x',
  'HEALTHCHECK --toString=5s CMD x',
  'HEALTHCHECK CMD ["x"',
])('%j is refused with advice', (text) => {
  expect(() => applyChanges({}, [text])).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', hint: expect.any(String) as string }),
  )
})

test('words are split at blanks that are not quoted', () => {
  expect(splitWords(' a  "b c"d \'e\\f\' g\\"h "i\\"j" \'\' ')).toEqual(['a', 'b cd', 'e\\f', 'g"h', 'i"j', ''])
})
