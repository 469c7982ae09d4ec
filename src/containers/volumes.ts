import type { VolumeMount } from './plan/context.ts'
import type { ContainerRuntime } from './runtime.ts'
import type { ContainerSpec } from './spec.ts'

/** The directories of a container's named volumes, made and filled where this is their first use. */
export async function prepareVolumes({ volumes }: ContainerSpec, _runtime: ContainerRuntime): Promise<VolumeMount[]> {
  if (volumes.length === 0) return []
  throw new Error('Not yet')
}
