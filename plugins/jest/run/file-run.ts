import { AirplantError } from '../../../src/errors.ts'
import { isUnsupported } from '../../../src/fixtures/run/is-unsupported.ts'
import { fromPlainError } from '../../../src/fixtures/run/plain-error.ts'
import { RunMember } from '../../../src/fixtures/run/run-member.ts'
import type { ServiceHandle } from '../../../src/fixtures/run/service-handle.ts'
import type { CircusEvent, CircusTest } from './circus-event.ts'
import { fullName, isTimeout } from './circus-event.ts'
import { createRuntime, RUNTIME } from './create-runtime.ts'
import { FailureReport } from './failure-report.ts'
import { joinRun } from './join-run.ts'
import type { ProjectConfig } from './project-config.ts'
import { TestScopes } from './test-scopes.ts'

/** A test file from its environment's set-up to its teardown; outside of the sandbox, where time is real and modules may be ESM. */
export class FileRun {
  readonly scopes = new TestScopes()
  readonly #project: ProjectConfig
  readonly #wanted: readonly string[]
  readonly #failures = new FailureReport((test, since) => this.#member?.evidence(test, since) ?? Promise.resolve([]))
  readonly #opened = new Map<string, ServiceHandle>()
  #member: RunMember<CircusTest> | undefined
  #isCollecting = true

  /** @param pragma the docblock's `@containers`: names of services */
  constructor(project: ProjectConfig, pragma: string | readonly string[] | undefined) {
    this.#project = project
    this.#wanted = [pragma ?? []].flat().flatMap((names) => names.split(/[\s,]+/).filter((name) => name !== ''))
  }

  /** Whether the file's tests and hooks are being registered, and none of them runs yet. */
  get isCollecting(): boolean {
    return this.#isCollecting
  }

  /** Puts into the sandbox what `airplant/jest` looks for, and starts the services that the file names; no timeout runs meanwhile. */
  async begin(global: object): Promise<void> {
    shareDisposeSymbols(global)
    const link = await joinRun(this.#project)
    const { scopes } = this
    if (link) {
      const tests = {
        current: () => scopes.running()?.test,
        isRunning: (test: CircusTest) => scopes.get(test) !== undefined,
        nameOf: fullName,
      }
      this.#member = new RunMember(link, tests, process.env['JEST_WORKER_ID'])
    }
    Object.defineProperty(global, RUNTIME, { value: await createRuntime(this), configurable: true })
    if (link?.unsupported) return
    await Promise.all(this.#wanted.map((name) => this.openService(name)))
  }

  /** @throws {AirplantError} why it is not ready */
  async openService(name: string): Promise<ServiceHandle> {
    this.checkSupported()
    if (!this.#member) throw noGlobalSetup(name)
    const handle = await this.#member.openService(name)
    this.#opened.set(name, handle)
    return handle
  }

  /** The handle of a service that the file has opened. */
  service(name: string): ServiceHandle | undefined {
    return this.#opened.get(name)
  }

  /** Throws where tests that need containers are to be skipped. */
  checkSupported(): void {
    const reason = this.#member?.link.unsupported
    if (reason) throw fromPlainError(reason)
  }

  /** Follows which test and hook runs, and tells in failures what containers wrote. */
  async handle(event: CircusEvent): Promise<void> {
    if (event.name === 'run_start') this.#isCollecting = false
    if (event.name === 'hook_start' && event.hook.type === 'beforeAll') this.scopes.beginHook()
    if (event.name === 'hook_success' && event.hook.type === 'beforeAll') await this.scopes.endHook(false)
    if (event.name === 'hook_failure') await this.#hookFailed(event)
    if (event.name === 'test_started') this.scopes.beginTest(event.test)
    // What still starts then would hold up the tests after it.
    if (event.name === 'test_fn_failure' && isTimeout(event.error)) await this.scopes.get(event.test)?.scope.close()
    if (event.name === 'test_done') await this.#testDone(event.test)
  }

  async end(): Promise<void> {
    await this.scopes.file.close()
    await this.#member?.end()
  }

  async #hookFailed({ hook, test, error }: Extract<CircusEvent, { name: 'hook_failure' }>): Promise<void> {
    if (test) {
      if (isTimeout(error)) await this.scopes.get(test)?.scope.close()
      return
    }
    if (hook.type !== 'beforeAll') return
    await this.#failures.ofHook(hook, this.scopes.hookBegan)
    await this.scopes.endHook(isTimeout(error))
  }

  async #testDone(test: CircusTest): Promise<void> {
    if (test.errors.length > 0) {
      if (this.#member?.link.unsupported && test.errors.every((entry) => isUnsupported([entry].flat()[0]))) {
        test.errors = []
        test.status = 'skip'
      } else {
        const kept = await this.#member?.keepOpenedBy(test)
        await this.#failures.ofTest(test, this.scopes.get(test)?.began, kept)
      }
    }
    await this.scopes.endTest(test)
  }
}

function noGlobalSetup(name: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'create',
    message: `Cannot use service "${name}": this run's global set-up is not that of airplant`,
    hint: "A globalSetup of your own replaces that of the preset: call the default export of 'airplant/jest/global-setup' in it, and that of 'airplant/jest/global-teardown' in a globalTeardown",
  })
}

/** Node 20 gives these to its own realm only; "await using" in a test looks for them in the sandbox's. */
function shareDisposeSymbols(global: object): void {
  const { Symbol: symbols } = global as { Symbol?: object }
  for (const name of ['dispose', 'asyncDispose'] as const) {
    if (symbols && !(name in symbols)) Object.defineProperty(symbols, name, { value: Symbol[name] })
  }
}
