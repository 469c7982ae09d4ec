import type { LateHandle } from '../../../src/fixtures/late-handle.ts'
import { lateHandle } from '../../../src/fixtures/late-handle.ts'
import type { ServiceHandle } from '../../../src/fixtures/run/service-handle.ts'
import type { JestHooks } from '../jest-runtime.ts'
import type { FileRun } from './file-run.ts'
import { NO_TIMEOUT } from './use-container.ts'

/** @see useService of airplant/jest */
export function useService(file: FileRun, hooks: JestHooks, name: string): LateHandle<ServiceHandle> {
  const open = (): Promise<ServiceHandle> => file.openService(name)
  if (file.isCollecting && !file.service(name)) {
    hooks.beforeAll(async () => {
      await open()
    }, NO_TIMEOUT)
  }
  const hint = `Use it in a test or hook; there, "await useService('${name}')" gives it at once. With "@containers ${name}" in the file's docblock it is there from the file's first line on`
  return lateHandle(`service "${name}"`, hint, () => file.service(name), open)
}
