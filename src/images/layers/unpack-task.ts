import type { MessagePort } from 'node:worker_threads'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import type { AirplantErrorInit } from '../../errors.ts'
import type { UnpackLimits } from './unpack-limits.ts'

/** An unpack, wherever it runs. Survives structured cloning. */
export interface UnpackTask {
  /** Of the file worker whose target the layer goes to. */
  readonly socket: string
  /** The blob. */
  readonly path: string
  readonly mediaType: string | undefined
  /** Digest that the uncompressed archive must have. */
  readonly diffId: string
  readonly flattenOwners: boolean
  readonly limits: UnpackLimits
}

/** What a worker thread is told to do. */
export interface ThreadTask extends UnpackTask {
  /** Gets the number of compressed bytes that were taken, now and then. */
  readonly progress: MessagePort | undefined
}

/** What comes back. Errors lose their class between threads, so they come as what they are made from. */
export type UnpackResult = { readonly summary: ApplySummary } | { readonly error: AirplantErrorInit }
