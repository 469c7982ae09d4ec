import { AirplantError } from '../../errors.ts'

/** The error for what is asked of a container's files too late. */
export function wasRemoved({ id, image }: { readonly id: string; readonly image: string }): AirplantError {
  return new AirplantError({
    code: 'ERR_NOT_RUNNING',
    phase: 'copy',
    message: `Cannot reach the files of container ${id}: it was removed`,
    hint: 'Copy what you need before you dispose it',
    container: id,
    image,
  })
}
