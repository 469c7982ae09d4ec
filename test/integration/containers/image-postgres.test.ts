import { lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, ContainerExit, FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { answerAt, startup } from '../../support/socket-client.ts'
import { testRegistry } from '../../support/test-images.ts'

const TIMEOUT = 180_000
const home = mkdtempSync(join(tmpdir(), 'airplant-postgres-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(home, 'store')
checkLeftovers()
const registry = testRegistry()
const DATA = '/var/lib/postgresql/data'

afterAll(() => {
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
  rmSync(home, { recursive: true })
})

const modes = isSingleId ? ['single'] : ['auto', 'single']

describe.each(modes)('postgres with IDs "%s"', (ids) => {
  let session: Session
  const isSingle = ids === 'single'
  // With one ID nobody can become postgres: the container is postgres from the beginning.
  const account = isSingle ? { user: 'postgres' } : {}

  beforeAll(async () => {
    session = await Session.start({ env: { ...process.env, AIRPLANT_IDS: ids } })
  })
  afterAll(async () => {
    await removeByKeeper(session, join(home, 'store', 'layers'))
    await removeByKeeper(session, join(home, 'store', 'volumes'))
    await session[Symbol.asyncDispose]()
  })

  const options = (more: FixtureOptions = {}): FixtureOptions => ({
    ...{ session, image: 'postgres:15', ports: 'exposed', startTimeout: TIMEOUT, ...account, ...more },
    ...{ env: { POSTGRES_PASSWORD: 'secret', ...more.env } },
    wait: more.wait ?? { all: [{ log: 'ready to accept connections', times: 2 }, { port: 5432 }] },
  })

  /** What a client of the host would see, by psql in a container of the host's network. */
  async function client(
    container: Container,
    password: string,
    sql: string,
  ): Promise<ContainerExit & { output: string }> {
    const url = container.url(5432, `postgresql`).replace('//', `//postgres:${password}@`)
    const psql = {
      session,
      image: 'postgres:15',
      network: 'host',
      entrypoint: ['psql', url, '-Atc', sql],
      ...account,
    } as const
    return await withContainer(psql, async (other) => ({ ...(await other.wait()), ...(await other.logs()) }))
  }

  test(
    'initialises its volume, serves, and refuses a wrong password through the published port',
    async () => {
      await withContainer(options({ sockets: ['/var/run/postgresql'] }), async (container) => {
        expect(container).toMatchObject({ image: 'postgres:15' })
        // It takes the directory over, and trusts who comes through the socket: AuthenticationOk.
        const directory = container.socketDirectory('/var/run/postgresql')
        expect(lstatSync(directory).uid === process.getuid?.()).toBe(isSingle)
        const answer = await answerAt(join(directory, '.s.PGSQL.5432'), startup('postgres'))
        expect(answer.subarray(0, 9)).toEqual(Buffer.from('R\0\0\0\x08\0\0\0\0', 'latin1'))
        expect(
          await shell(
            container,
            `psql -U postgres -Atc 'create table t (x int); insert into t values (7); select x from t'`,
          ),
        ).toMatch(/7$/)
        expect(await client(container, 'secret', 'select x + 1 from t')).toMatchObject({ exitCode: 0, output: '8\n' })
        const wrong = await client(container, 'wrong', 'select 1')
        expect(wrong.exitCode).toBe(2)
        expect(wrong.output).toContain('password authentication failed')
        expect(
          await shell(container, `stat -c '%U %a' ${DATA}; echo $PGDATA; grep ' ${DATA} ' /proc/mounts | wc -l`),
        ).toBe(`postgres 700\n${DATA}\n0`)
        expect(await container.stop()).toMatchObject({ exitCode: 0 })
        expect((await container.logs()).output).toContain('fast shutdown request')
      })
    },
    TIMEOUT,
  )

  test(
    'has its data in the upper directory, where a snapshot finds it',
    async () => {
      await withContainer(options(), async (container) => {
        const upper = join(session.directory, 'containers', container.id, 'root.upper')
        const look = {
          session,
          command: ['cat', `/mnt/PG_VERSION`],
          binds: [{ source: join(upper, DATA), target: '/mnt' }],
        }
        await withContainer(look, async (other) => {
          await other.wait()
          expect((await other.logs()).output).toBe('15\n')
        })
      })
    },
    TIMEOUT,
  )

  test(
    'keeps its data in a named volume, which gets the owner that the image gives it',
    async () => {
      const volumes = [{ name: `pg-${ids}`, target: DATA }]
      await withContainer(options({ volumes }), async (container) => {
        await shell(container, `psql -U postgres -c 'create table kept (x int)'`)
        await container.stop()
      })
      await withContainer(options({ volumes, wait: { log: 'ready to accept connections' } }), async (container) => {
        expect((await container.logs()).output).toContain('Skipping initialization')
        expect(await shell(container, `psql -U postgres -Atc 'select count(*) from kept'`)).toBe('0')
      })
    },
    TIMEOUT,
  )

  test(
    'says why it ends without a password',
    async () => {
      const error = await errorOf(withContainer(options({ env: { POSTGRES_PASSWORD: '' } })))
      expect(error).toMatchObject({ code: 'ERR_CONTAINER_EXITED', exitCode: 1, image: 'postgres:15' })
      expect(error.logTail).toContain('superuser password is not specified')
    },
    TIMEOUT,
  )

  test(
    'is healthy by the check of its image',
    async () => {
      const image = 'postgres:15-healthcheck'
      await withContainer(options({ image, wait: { healthy: true } }), async (container) => {
        expect(await shell(container, 'psql -U postgres -h 127.0.0.1 -Atc "select 1"')).toBe('1')
      })
    },
    TIMEOUT,
  )

  test('who lacks the IDs that its entrypoint needs is told what to do', async ({ skip }) => {
    skip(!isSingle, 'with a range of IDs it becomes postgres by itself')
    const error = await errorOf(withContainer(options({ user: 'root', wait: { port: 5432 } })))
    const hint = expect.stringMatching(/^A single ID is mapped here.*option user.*airplant doctor/) as string
    expect(error).toMatchObject({ code: 'ERR_CONTAINER_EXITED', hint })
  })
})

describe('what cannot be had', () => {
  test('an image that no registry has is said, with what was tried', async () => {
    const error = await errorOf(withContainer({ image: `${registry.host}/library/nothing:1`, command: ['true'] }))
    expect(error).toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      phase: 'pull',
      image: `${registry.host}/library/nothing:1`,
    })
    expect(error.hint).toBeTruthy()
  })

  test('nothing is asked for with the policy "never"', async () => {
    const error = await errorOf(withContainer({ image: 'redis:none', pull: 'never', command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', phase: 'pull' })
  })

  test('what is no reference, policy or platform is refused', async () => {
    const of = async (options: FixtureOptions): Promise<string> => (await errorOf(withContainer(options))).code
    expect(await of({ image: 'No Reference' })).toBe('ERR_INVALID_REFERENCE')
    expect(await of({ image: 'redis', pull: 'sometimes' as never })).toBe('ERR_INVALID_OPTION')
    expect(await of({ image: 'redis', pull: { newerThan: -1 } })).toBe('ERR_INVALID_OPTION')
    expect(await of({ image: 'redis', platform: 'linux//' })).toBe('ERR_INVALID_OPTION')
  })
})
