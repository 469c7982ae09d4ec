import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { nextPorts } from '../../src/containers/next-ports.ts'
import { requestPorts } from '../../src/containers/ports.ts'
import { StepError } from '../../src/rootless/step-error.ts'

const taken = (detail: string, errno: number = constants.errno.EADDRINUSE): StepError =>
  new StepError({ step: -1, what: 'publish', errno, detail })

const hostPorts = (ports: ReturnType<typeof nextPorts>): (number | undefined)[] | undefined =>
  ports?.map(({ hostPort }) => hostPort)

test('both sockets of a port go on to the next number, whichever was taken', () => {
  const ports = requestPorts(['8000-8001:80', '9000:90'])
  expect(hostPorts(nextPorts(ports, taken('127.0.0.1:8000')))).toEqual([8001, 8001, 9000, 9000])
  expect(hostPorts(nextPorts(ports, taken('[::1]:8000')))).toEqual([8001, 8001, 9000, 9000])
})

test('of two ranges with the same number the second goes on: the first was bound', () => {
  const ports = requestPorts(['127.0.0.1:8000-8005:80', '127.0.0.1:8000-8005:81'])
  expect(hostPorts(nextPorts(ports, taken('127.0.0.1:8000')))).toEqual([8000, 8001])
})

test('protocols have numbers of their own', () => {
  const ports = requestPorts(['127.0.0.1:53-55:53', '127.0.0.1:53-55:53/udp'])
  expect(hostPorts(nextPorts(ports, taken('127.0.0.1:53')))).toEqual([54, 53])
  expect(hostPorts(nextPorts(ports, taken('127.0.0.1:53/udp')))).toEqual([53, 54])
})

test('a range without a free number is named', () => {
  const [one] = requestPorts(['127.0.0.1:8000-8001:80/udp'])
  const last = [{ ...one!, hostPort: 8001 }]
  expect(() => nextPorts(last, taken('127.0.0.1:8001/udp'))).toThrow(
    expect.objectContaining({
      code: 'ERR_PORT_UNAVAILABLE',
      message: expect.stringContaining('80/udp on 127.0.0.1: all ports from 8000 to 8001 are in use') as string,
    }),
  )
})

test('other errors, and ports without a range, are not tried again', () => {
  const ports = requestPorts(['8000-8005:80', '9000:90'])
  expect(nextPorts(ports, taken('127.0.0.1:9000'))).toBeUndefined()
  expect(nextPorts(ports, taken('127.0.0.1:8000', constants.errno.EACCES))).toBeUndefined()
  expect(nextPorts(ports, new Error('something'))).toBeUndefined()
})
