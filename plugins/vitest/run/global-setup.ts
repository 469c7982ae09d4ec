import type { TestProject } from 'vitest/node'
import type { ResolvedRunOptions } from '../../../src/fixtures/run/run-options.ts'
import type { RunLink } from '../../../src/fixtures/run/run-protocol.ts'
import { toPlainError } from '../../../src/fixtures/run/plain-error.ts'
import { failedLink, noRunLink } from '../../../src/fixtures/run/no-run-link.ts'
import { needsRun } from '../../../src/fixtures/run/run-options.ts'
import type { SharedRun } from '../../../src/fixtures/run/share-run.ts'
import { projectOptions } from './projects.ts'

declare module 'vitest' {
  interface ProvidedContext {
    airplant: RunLink
  }
}

/** Begins the run's keeper and services before the first test, where no timeout runs; vitest calls what it returns at the end. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const options = projectOptions().get(project)
  if (!options) return undefined
  if (!needsRun(options)) {
    project.provide('airplant', noRunLink(options))
    return undefined
  }
  const part = new ProjectRun(project, options)
  // When set-up fails, vitest calls nothing of it at the end.
  project.vitest.onClose(() => part.end())
  if (project.vitest.config.watch) project.onTestsRerun(() => part.rerun())
  await part.begin()
  return () => part.end()
}

/** One project's part in the run. */
class ProjectRun {
  readonly #project: TestProject
  readonly #options: ResolvedRunOptions
  #run: SharedRun | undefined

  constructor(project: TestProject, options: ResolvedRunOptions) {
    this.#project = project
    this.#options = options
  }

  /** In watch mode a failure is told by the tests that need what failed, and tried again before they run the next time. */
  async begin(): Promise<void> {
    try {
      const { host } = await this.#join()
      await host?.prepare(this.#options)
    } catch (error) {
      if (!this.#project.vitest.config.watch) {
        await this.end()
        throw error
      }
      this.#fail(error)
    }
  }

  async rerun(): Promise<void> {
    try {
      const { host } = await this.#join()
      await host?.rerun(this.#options)
    } catch (error) {
      this.#fail(error)
    }
  }

  async end(): Promise<void> {
    await this.#run?.[Symbol.asyncDispose]()
    this.#run = undefined
  }

  async #join(): Promise<SharedRun> {
    const before = this.#run
    if (before?.host && !before.host.closed) return before
    await before?.[Symbol.asyncDispose]()
    const { shareRun } = await import('../../../src/fixtures/run/share-run.ts')
    this.#run = await shareRun(this.#options, { env: process.env, say })
    this.#project.provide('airplant', this.#run.link)
    return this.#run
  }

  #fail(error: unknown): void {
    const { message } = toPlainError(error)
    say(message)
    // The services themselves answer with what failed; without a run nobody would.
    if (!this.#run) this.#project.provide('airplant', failedLink(this.#options, error))
  }
}

function say(line: string): void {
  process.stderr.write(`airplant: ${line}\n`)
}
