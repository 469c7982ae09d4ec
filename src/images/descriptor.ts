/** What a manifest or index says of a blob. Only ever made by the parser, which checked every field. */
export interface Descriptor {
  readonly mediaType: string
  /** `'sha256:'` and 64 lower-case hexadecimal digits, or `'sha512:'` and 128. */
  readonly digest: string
  /** Bytes. */
  readonly size: number
  readonly platform?: Platform
  readonly annotations?: Readonly<Record<string, string>>
}

/** What an image runs on. */
export interface Platform {
  readonly os: string
  /** `'amd64'`, `'arm64'`, ... as Go names them. */
  readonly architecture: string
  /** `'v8'`, `'v3'`, ... */
  readonly variant?: string
}
