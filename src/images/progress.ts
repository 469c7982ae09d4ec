/** What happens to a layer. */
export type LayerState = 'waiting' | 'downloading' | 'unpacking' | 'uploading' | 'done' | 'exists'

/** What a pull, push, load or save says of its progress. */
export type ProgressEvent =
  /** A registry is asked for it. */
  | { readonly kind: 'resolving'; readonly reference: string }
  | {
      readonly kind: 'layer'
      readonly reference: string
      readonly digest: string
      readonly state: LayerState
      /** Bytes done in this state. */
      readonly done: number
      /** Bytes of the blob as it is transferred. */
      readonly total: number
    }
  /** Something failed that is tried again. */
  | { readonly kind: 'retry'; readonly reference: string; readonly reason: string; readonly delay: number }
  | {
      readonly kind: 'done'
      readonly reference: string
      readonly digest: string
      readonly id: string
      /** False when everything was there already. */
      readonly changed: boolean
      /** Bytes transferred. */
      readonly bytes: number
      /** Milliseconds. */
      readonly elapsed: number
    }

/** Called often; should return at once. */
export type OnProgress = (event: ProgressEvent) => void
