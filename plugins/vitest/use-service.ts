import { beforeAll } from 'vitest'
import type { HandleOfService, NameOfService } from '../../src/fixtures/run/service-names.ts'
import { isCollecting } from './current-test.ts'
import type { LateHandle } from '../../src/fixtures/late-handle.ts'
import { lateHandle } from '../../src/fixtures/late-handle.ts'
import { noPlugin, workerFile } from './run/worker-run.ts'
import { skipsHere } from './skip-unsupported.ts'

/**
 * The services of the plugin's configuration by their names, for you to fill in.
 *
 * @example
 * const plugin = containers({ services: { db: { image: 'postgres:17', ports: [5432] } } })
 * declare module 'airplant/vitest' {
 *   interface Services extends ServicesOf<typeof plugin> {}
 * }
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- users extend it
export interface Services {}

/** Names of services: any, until {@link Services} says which there are. */
export type ServiceName = NameOfService<Services>

/** What `useService` gives for a name. */
export type ServiceOfName<N extends ServiceName> = HandleOfService<Services, N>

/**
 * A container that the plugin `containers()` starts for all test files. Called in a file, it is ready before the file's tests, however long
 * that takes: no time of it is charged to a test or a hook. In a test or hook, await it.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` without the plugin or a service of that name; why it could not start; `ERR_CONTAINER_EXITED`
 *   when it has ended since
 * @example
 * const db = useService('db')
 * test('lists users', async () => {
 *   const client = new Client(db.url(5432, 'postgres'))
 * })
 */
export function useService<N extends ServiceName>(name: N): LateHandle<ServiceOfName<N>> {
  let handle: ServiceOfName<N> | undefined
  const open = async (): Promise<ServiceOfName<N>> => {
    skipsHere()
    const file = workerFile()
    if (!file) throw noPlugin(name)
    handle = (await file.openService(name)) as unknown as ServiceOfName<N>
    return handle
  }
  if (isCollecting()) {
    beforeAll(async () => {
      await open()
    }, 0)
  }
  const hint = `Use it in a test or hook; there, "await useService('${name}')" gives it at once`
  return lateHandle(`service "${name}"`, hint, () => handle, open)
}
