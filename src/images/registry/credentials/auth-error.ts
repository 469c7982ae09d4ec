import type { ErrorCode } from '../../../errors.ts'
import { AirplantError } from '../../../errors.ts'
import { quoteBriefly } from '../../quote-briefly.ts'

/** An error of credentials' sources. It has no cause: what the parser of JSON says quotes the text, passwords and all. */
export function authError(message: string, hint: string, code: ErrorCode = 'ERR_REGISTRY_AUTH'): AirplantError {
  return new AirplantError({ code, message, hint })
}

/** A source as messages name it: a path in quotes, a variable without. */
export function showSource(source: string): string {
  return source.startsWith('/') ? `"${source}"` : source
}

/** A key of `auths` without the password that an address may have. */
export function showKey(key: string): string {
  return quoteBriefly(key.replace(/^(https?:\/\/)?[^/]*@/i, '$1'))
}
