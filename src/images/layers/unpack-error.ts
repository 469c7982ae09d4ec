import { AirplantError, isAirplantError, type AirplantErrorInit } from '../../errors.ts'

/** What an error is made from, so that it survives the way between threads; the message without the hint that the class added. */
export function errorInit(error: AirplantErrorInit): AirplantErrorInit {
  const { code, message, hint, errno, step, detail } = error
  const end = hint === undefined ? '' : `\nHint: ${hint}`
  const bare = end !== '' && message.endsWith(end) ? message.slice(0, -end.length) : message
  return { code, message: bare, phase: 'unpack', hint, errno, step, detail }
}

/** The error of an unpack, whoever of those who take part in it made it. */
export function unpackError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return aborted(signal)
  return isAirplantError(error) && error.phase !== 'unpack' ? new AirplantError(errorInit(error)) : error
}

function aborted(signal: AbortSignal): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    message: 'Cannot unpack the layer: aborted',
    phase: 'unpack',
    hint: 'The signal that was passed fired; call again to go on',
    cause: signal.reason,
  })
}
