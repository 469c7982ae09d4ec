/** An image that comes from files and not from a registry; it is read into the store when it is not there yet. */
export type ImageSource =
  /** A directory in the OCI image layout. `reference` says which of several images. */
  | { readonly oci: string; readonly reference?: string }
  /** A tar file as `docker save` or `skopeo copy oci-archive:` writes it. */
  | { readonly archive: string; readonly reference?: string }
  /** A tar file of a root file system, as `docker export` writes it. */
  | { readonly tar: string }

/** When a registry is asked: never, always, if the store lacks the image, or if what it has was not checked for so many milliseconds. */
export type PullPolicy = 'missing' | 'always' | 'never' | { readonly newerThan: number }
