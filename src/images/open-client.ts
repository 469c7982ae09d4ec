import type { OnProgress } from './progress.ts'
import type { RegistryClient } from './registry/registry-client.ts'

/** A client for what concerns one image; what it tries again is progress of that image. Its code is loaded now: registries are not for every start. */
export async function openClient(
  reference: string,
  {
    env,
    onProgress,
    signal,
  }: { env: NodeJS.ProcessEnv; onProgress?: OnProgress | undefined; signal?: AbortSignal | undefined },
): Promise<RegistryClient> {
  const { RegistryClient } = await import('./registry/registry-client.ts')
  return new RegistryClient({
    env,
    signal,
    onRetry: ({ reason, delay }) => onProgress?.({ kind: 'retry', reference, reason, delay }),
  })
}
