import type { Volume } from '../images/store/volumes.ts'

/** What `airplant volume inspect` prints, in docker's names. */
export function describeVolume({ name, labels, created, directory }: Volume): Record<string, unknown> {
  return {
    ...{ CreatedAt: created, Driver: 'local', Labels: labels, Mountpoint: directory, Name: name },
    ...{ Options: {}, Scope: 'local' },
  }
}
