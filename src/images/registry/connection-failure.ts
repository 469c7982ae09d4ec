import type { AirplantError } from '../../errors.ts'
import { foreignText } from './foreign-text.ts'
import { refusal } from './refusal.ts'

const certificateCodes = [
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]

/**
 * What a connection's error means. `ERR_REGISTRY_UNREACHABLE` may pass by itself, and `ERR_REGISTRY_ANSWER` will not: a certificate that
 * is not trusted, an answer that is not HTTP.
 */
export function connectionFailure(error: unknown, who = 'it'): AirplantError {
  const cause = innermost(error)
  const { code = '', message } = cause
  const said = foreignText(message === '' ? code : message)
  if (certificateCodes.includes(code)) {
    const hint =
      'Put the certificate of its authority into ~/.config/containers/certs.d/<host>/ca.crt, or name it in NODE_EXTRA_CA_CERTS'
    return refusal(
      'ERR_REGISTRY_ANSWER',
      `${who} shows a certificate that is not trusted: ${said} (${code})`,
      hint,
      error,
    )
  }
  if (isNotHttp(cause)) {
    return refusal('ERR_REGISTRY_ANSWER', `${who} does not answer as a web server should: ${said}`, undefined, error)
  }
  if (isNotTls(cause)) {
    const hint = 'If it speaks plain HTTP, list it in AIRPLANT_INSECURE_REGISTRIES'
    return refusal(
      'ERR_REGISTRY_ANSWER',
      `${who} does not speak TLS: ${foreignText(cause.reason ?? code)}`,
      hint,
      error,
    )
  }
  return refusal('ERR_REGISTRY_UNREACHABLE', `${who} ${reach(code, said)}`, undefined, error)
}

function reach(code: string, said: string): string {
  if (code === 'ECONNREFUSED') return `refuses connections (${said})`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `has a name that is not found (${said})`
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') return `does not answer (${said})`
  return `broke the connection (${said})`
}

/** Whether an error, or a refusal with it as its cause, may mean that the other side speaks HTTP where TLS was spoken, or TLS for HTTP. */
export function isWrongProtocol(error: unknown): boolean {
  const cause = innermost(error instanceof Error && error.cause ? error.cause : error)
  return isNotHttp(cause) || isNotTls(cause)
}

/** Whether an error, or a refusal with it as its cause, means that TLS was answered by something else. */
export function isTlsMissing(error: unknown): boolean {
  return isNotTls(innermost(error instanceof Error && error.cause ? error.cause : error))
}

function isNotHttp({ code = '', name }: ConnectionError): boolean {
  return name === 'HTTPParserError' || code.startsWith('HPE_') || /^UND_ERR_(HEADERS_OVERFLOW|INVALID_ARG)$/.test(code)
}

function isNotTls({ code = '' }: ConnectionError): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_')
}

/** Fields that errors of Node, OpenSSL and undici have. */
interface ConnectionError {
  readonly name: string
  readonly message: string
  readonly code?: string
  /** OpenSSL's words. */
  readonly reason?: string
}

/** Several addresses of a name fail together as one error without a message; undici wraps others. */
function innermost(error: unknown): ConnectionError {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  if (!(error instanceof Error)) return { name: '', message: String(error) }
  if (error.cause instanceof Error && error.message === 'fetch failed') return innermost(error.cause)
  return error
}
