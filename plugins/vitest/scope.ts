import { Scope } from '../../src/fixtures/scope.ts'
import { workerFile } from './run/worker-run.ts'

/** A scope of vitest's. @param signal vitest aborts it when a test or its hook timed out, or the run is cancelled */
export function newScope(what: 'test' | 'file', signal?: AbortSignal): Scope {
  return new Scope(what, signal, () => workerFile()?.containers.kept)
}
