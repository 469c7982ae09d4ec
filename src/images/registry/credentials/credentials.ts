/** What a registry is shown to be let in. Never print one: it is a secret but for `source`. */
export type Credentials = PasswordCredentials | TokenCredentials

export interface PasswordCredentials {
  readonly kind: 'password'
  readonly username: string
  readonly password: string
  /** Where it was found, for messages: a path, a variable or the name of a helper. */
  readonly source: string
}

export interface TokenCredentials {
  /**
   * An `identity-token` is exchanged at the token server (OAuth2 refresh token), a `registry-token` goes to the registry as it is
   * (`Authorization: Bearer`).
   */
  readonly kind: 'identity-token' | 'registry-token'
  readonly token: string
  /** Where it was found, for messages. */
  readonly source: string
}
