import { toPlainError } from '../../../src/fixtures/run/plain-error.ts'
import type { ResolvedRunOptions } from '../../../src/fixtures/run/run-options.ts'
import { needsRun, resolveRunOptions } from '../../../src/fixtures/run/run-options.ts'
import type { SharedRun } from '../../../src/fixtures/run/share-run.ts'
import { failedLink, noRunLink } from '../../../src/fixtures/run/no-run-link.ts'
import type { GlobalConfig, ProjectConfig } from './project-config.ts'
import { projectOptions } from './project-config.ts'
import { writeRunContext } from './run-context.ts'

const key = Symbol.for('airplant.jest-run')

/** The run of this process, which watch mode keeps from one global set-up to the next. */
interface MainRun {
  readonly options: ResolvedRunOptions
  readonly shared: SharedRun
}

const holder = globalThis as { [key]?: MainRun | undefined }

/**
 * Begins the run, or goes on with it in watch mode; resolves when all that is not lazy is ready. In watch mode a failure is told by the
 * tests that need what failed, and tried again before they run the next time: jest never runs again when its global set-up throws.
 */
export async function beginMainRun(config: GlobalConfig, project: ProjectConfig): Promise<void> {
  const { watch, watchAll, projects = [] } = config
  try {
    await begin(project, projects.length > 1)
  } catch (error) {
    // Where set-up fails jest calls no teardown.
    if (!watch && !watchAll) {
      await endMainRun({})
      throw error
    }
    say(toPlainError(error).message)
    // The services themselves answer with what failed; without a run nobody would.
    if (!holder[key]) writeRunContext({ [project.id]: failedLink(resolveRunOptions({}, {}), error) })
  }
}

/** @param hasOthers whether there are projects that jest says nothing of here, and that may need more than this one */
async function begin(project: ProjectConfig, hasOthers: boolean): Promise<void> {
  const options = await projectOptions(project)
  if (!needsRun(options) && !hasOthers) {
    writeRunContext({ [project.id]: noRunLink(options) })
    return
  }
  const [known, { shareRun }] = await Promise.all([livingRun(), import('../../../src/fixtures/run/share-run.ts')])
  const shared = known?.shared ?? (await shareRun(options, { env: process.env, say }))
  holder[key] = { options, shared }
  // Between two runs in watch mode the options may have changed.
  writeRunContext({ [project.id]: shared.host?.link(options) ?? shared.link })
  await (known ? shared.host?.rerun(options) : shared.host?.prepare(options))
}

async function livingRun(): Promise<MainRun | undefined> {
  const known = holder[key]
  if (known?.shared.host?.closed === false) return known
  holder[key] = undefined
  await known?.shared[Symbol.asyncDispose]()
  return undefined
}

/** Tells what the containers of the run needed, and removes all of them; in watch mode they stay. */
export async function endMainRun({ watch, watchAll }: GlobalConfig): Promise<void> {
  const run = holder[key]
  if (!run) return
  const { shared, options } = run
  if (shared.host && options.summary !== false) {
    const { formatSummary } = await import('../../../src/fixtures/run/format-summary.ts')
    await shared.host.measure()
    for (const line of formatSummary(shared.host.report.take(), options.summary)) say(line)
  }
  if (watch || watchAll) return
  holder[key] = undefined
  await shared[Symbol.asyncDispose]()
}

function say(line: string): void {
  process.stderr.write(`airplant: ${line}\n`)
}
