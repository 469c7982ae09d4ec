import { AirplantError } from '../errors.ts'
import { parseIp } from '../rootless/ip-address.ts'
import { StepError } from '../rootless/step-error.ts'
import type { RequestedPort } from './ports.ts'

/**
 * The ports to ask for after the keeper found one taken: of a range the next. Only its attempt to bind says what is free, so there is no
 * moment in between at which somebody else could take it.
 *
 * @returns undefined when the error is another, or is about a port without a range
 * @throws {AirplantError} `ERR_PORT_UNAVAILABLE` when the range has no more
 * @example
 * nextPorts([{ hostPort: 8000, hostRange: { first: 8000, last: 8005 }, containerPort: 80 }], error) // [{ hostPort: 8001, … }]
 */
export function nextPorts(ports: readonly RequestedPort[], error: unknown): RequestedPort[] | undefined {
  if (!(error instanceof StepError) || error.what !== 'publish' || error.errnoName !== 'EADDRINUSE') return undefined
  // Of two with the same number the first was bound, if it could be.
  const taken = ports.findLastIndex((port) => port.hostRange && isAt(port, error.detail))
  const range = ports[taken]?.hostRange
  if (!range) return undefined
  const tried = ports[taken]!.hostPort ?? 0
  if (tried >= range.last) throw exhausted(ports[taken]!, range, error)
  const first = ports.findLastIndex((port, index) => index <= taken && !port.sameAsBefore)
  const after = ports.findIndex((port, index) => index > first && !port.sameAsBefore)
  const isOfGroup = (index: number): boolean => index >= first && (after < 0 || index < after)
  return ports.map((port, index) => (isOfGroup(index) ? { ...port, hostPort: tried + 1 } : port))
}

/** Whether the keeper's words, as `127.0.0.1:8000` or `[::1]:53/udp`, are about that socket. */
function isAt({ address = '127.0.0.1', hostPort = 0, protocol = 'tcp' }: RequestedPort, detail: string): boolean {
  const [, bracketed, plain = '', number, named = 'tcp'] = /^(?:\[(.*)\]|([^:]*)):(\d+)(?:\/(.*))?$/.exec(detail) ?? []
  const [one, other] = [parseIp(bracketed ?? plain), parseIp(address)]
  return (
    one?.family === other?.family && one?.value === other?.value && Number(number) === hostPort && named === protocol
  )
}

function exhausted(
  { address = '127.0.0.1', containerPort, protocol = 'tcp' }: RequestedPort,
  { first, last }: NonNullable<RequestedPort['hostRange']>,
  cause: StepError,
): AirplantError {
  const shown = address.includes(':') ? `[${address}]` : address
  return new AirplantError({
    code: 'ERR_PORT_UNAVAILABLE',
    phase: 'start',
    message: `Cannot publish ${containerPort}/${protocol} on ${shown}: all ports from ${first} to ${last} are in use`,
    hint: 'Give a larger range, or leave out the host port to get any free one',
    detail: cause.detail,
    cause,
  })
}
