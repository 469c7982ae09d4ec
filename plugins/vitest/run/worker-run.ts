import { fromPlainError } from '../../../src/fixtures/run/plain-error.ts'
import type { RunClient } from '../../../src/fixtures/run/run-client.ts'
import type { RunLink, ServiceAddress } from '../../../src/fixtures/run/run-protocol.ts'
import type { ServiceHandle } from '../../../src/fixtures/run/service-handle.ts'
import { AirplantError } from '../../../src/errors.ts'
import { WatchedContainers } from './watched-containers.ts'

const key = Symbol.for('airplant.vitest-worker')

/** What a test file has to do with the run that it belongs to. */
export class WorkerFile {
  readonly link: RunLink
  readonly containers: WatchedContainers
  /** Services that the file uses. */
  readonly services = new Map<string, ServiceAddress>()
  #client: Promise<RunClient> | undefined

  constructor(link: RunLink) {
    this.link = link
    this.containers = new WatchedContainers(link)
  }

  /**
   * The handle of a service, when that is ready.
   *
   * @throws {AirplantError} why it is not
   */
  async openService(name: string): Promise<ServiceHandle> {
    const address = await this.#address(name)
    this.services.set(name, address)
    const [client, { ServiceHandle }] = await Promise.all([
      this.client(),
      import('../../../src/fixtures/run/service-handle.ts'),
    ])
    return new ServiceHandle({ client, address, data: await client.ask('service', address) })
  }

  /** The connection to the main process. */
  client(): Promise<RunClient> {
    const { socket = '' } = this.link
    this.#client ??= import('../../../src/fixtures/run/run-client.ts').then(({ RunClient }) => new RunClient(socket))
    return this.#client
  }

  /** Tells the main process what happened in the file. */
  async end(): Promise<void> {
    const events = this.containers.takeEvents()
    const hasNews = events.length > 0 && this.link.socket !== undefined
    // A summary that lacks something is no reason for a file to fail.
    if (hasNews) await (await this.client()).ask('report', { events }).catch(() => undefined)
    await (await this.#client)?.close()
  }

  async #address(name: string): Promise<ServiceAddress> {
    const { services, failed, unsupported } = this.link
    const service = Object.hasOwn(services, name) ? services[name] : undefined
    if (!service) {
      const { unknownService } = await import('../../../src/fixtures/run/service-error.ts')
      throw unknownService(name, Object.keys(services))
    }
    const problem = failed ?? unsupported
    if (problem) throw fromPlainError(problem)
    // The same number for whatever runs in the same place, one after the other.
    const slot = process.env['VITEST_POOL_ID']
    return { key: service.key, slot: service.per === 'worker' ? slot : undefined }
  }
}

/** Begins a test file: containers that it opens go to the run's keeper, and are watched. */
export function startWorkerFile(link: RunLink): WorkerFile {
  // It must be this run's, not one that a surrounding run has left in the environment.
  if (link.session !== undefined) process.env['AIRPLANT_SESSION'] = link.session
  const file = new WorkerFile(link)
  ;(globalThis as { [key]?: WorkerFile })[key] = file
  file.containers.watch()
  return file
}

/** The test file that runs in this process now; undefined without the plugin. */
export function workerFile(): WorkerFile | undefined {
  return (globalThis as { [key]?: WorkerFile })[key]
}

/** `ERR_INVALID_OPTION`: the plugin is not among those of the configuration. */
export function noPlugin(name: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'create',
    message: `Cannot use service "${name}": this project runs without the plugin`,
    hint: "Add containers({ services: … }) of 'airplant/vitest/plugin' to the plugins of the vitest configuration",
  })
}
