import { FileRun } from './run/file-run.ts'
import type { ProjectConfig } from './run/project-config.ts'

/** What is needed of an environment of jest. */
export interface JestEnvironment {
  readonly global: object
  setup(): Promise<void>
  teardown(): Promise<void>
  handleTestEvent?(event: never, state: never): void | Promise<void>
}

/** A class of them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what TypeScript demands of a class that a mixin extends
export type JestEnvironmentClass = new (...given: any[]) => JestEnvironment

/** The first argument of an environment's constructor. */
interface EnvironmentConfig {
  readonly projectConfig: ProjectConfig
}

/** Its second argument. */
interface EnvironmentContext {
  readonly docblockPragmas: Readonly<Record<string, string | string[]>>
}

/**
 * Another environment, with containers: for those who need one that is not Node's.
 *
 * @example
 * // environment.mjs, which testEnvironment of the configuration names
 * import { withAirplant } from 'airplant/jest/with-airplant'
 * import { TestEnvironment } from 'jest-environment-jsdom'
 * export default withAirplant(TestEnvironment)
 */
export function withAirplant<Base extends JestEnvironmentClass>(Environment: Base): Base {
  return class extends Environment {
    readonly #run: FileRun

    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
    constructor(...given: any[]) {
      const [config, context, ...more] = given as [EnvironmentConfig, EnvironmentContext, ...unknown[]]
      super(withoutOptions(config), context, ...more)
      this.#run = new FileRun(config.projectConfig, context.docblockPragmas['containers'])
    }

    override async setup(): Promise<void> {
      await super.setup()
      await this.#run.begin(this.global)
    }

    override async teardown(): Promise<void> {
      try {
        await this.#run.end()
      } finally {
        await super.teardown()
      }
    }

    override async handleTestEvent(event: never, state: never): Promise<void> {
      await super.handleTestEvent?.(event, state)
      await this.#run.handle(event)
    }
  }
}

/** Environments make each of their options a global of the tests. */
function withoutOptions(config: EnvironmentConfig): EnvironmentConfig {
  const { airplant: _ours, ...testEnvironmentOptions } = config.projectConfig.testEnvironmentOptions
  return { ...config, projectConfig: { ...config.projectConfig, testEnvironmentOptions } }
}
