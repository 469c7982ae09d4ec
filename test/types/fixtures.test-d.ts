// Checked by `npm run build`, which fails when a line here has another type: nothing of it runs.
import { expectTypeOf, test } from 'vitest'
import { postgres, redis } from '../../src/fixtures/presets/index.ts'
import type { PostgresConnection } from '../../src/fixtures/presets/index.ts'
import type { Container, Fixture, FixtureOptions, FixtureSnapshot } from '../../src/index.ts'
import { pool, withContainer } from '../../src/index.ts'
import * as scoped from '../../plugins/vitest/index.ts'
import type { ServicesOf } from '../../plugins/vitest/plugin.ts'
import { containers } from '../../plugins/vitest/plugin.ts'

export async function onlyDeclaredPortsAreAccepted(): Promise<void> {
  const web = await withContainer({
    command: ['serve'],
    ports: [80, '8080:81', '127.0.0.1::82/tcp', { container: 83, protocol: 'udp' }],
  })
  expectTypeOf(web.url).parameter(0).toEqualTypeOf<80 | 81 | 82 | 83>()
  expectTypeOf(web.port).parameter(0).toEqualTypeOf<80 | 81 | 82 | 83>()
  expectTypeOf(web.address).parameter(0).toEqualTypeOf<80 | 81 | 82 | 83>()
  // @ts-expect-error -- not declared
  web.url(8080)

  const without = await withContainer({ command: ['serve'] })
  // @ts-expect-error -- none is declared
  without.url(80)

  // What only the running container knows may be any number.
  const exposed = await withContainer({ image: 'nginx', ports: 'exposed' })
  expectTypeOf(exposed.url).parameter(0).toEqualTypeOf<number>()
  const range = await withContainer({ command: ['serve'], ports: ['8000-8010:80-90'] })
  expectTypeOf(range.url).parameter(0).toEqualTypeOf<number>()

  // @ts-expect-error -- misspelt
  await withContainer({ command: ['serve'], prots: [80] })
  // @ts-expect-error -- no URL of its own without a preset
  web.url()
}

export async function presetsAddTheirService(): Promise<void> {
  const db = await withContainer(postgres())
  expectTypeOf(db.connection).toEqualTypeOf<PostgresConnection>()
  expectTypeOf(db.url()).toEqualTypeOf<string>()
  expectTypeOf(db.url(5432)).toEqualTypeOf<string>()
  expectTypeOf(db.reset).toEqualTypeOf<() => Promise<void>>()
  // @ts-expect-error -- not its port
  db.url(6379)

  const changed = await withContainer({ ...postgres(), name: 'db', ports: [5432, 80] })
  expectTypeOf(changed.connection).toEqualTypeOf<PostgresConnection>()
  changed.url(80)

  expectTypeOf(await withContainer(redis(), (cache) => cache.url())).toEqualTypeOf<string>()
  expectTypeOf(db).toExtend<Container>()
}

export async function prepareSnapshotsAndPoolsKnowTheService(): Promise<void> {
  const db = await withContainer({
    ...postgres(),
    prepare: async (pg, { signal }) => {
      expectTypeOf(pg.connection).toEqualTypeOf<PostgresConnection>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      await pg.exec(['true'])
    },
  })
  const seed = await db.snapshot()
  expectTypeOf(await withContainer(seed)).toEqualTypeOf<typeof db>()
  expectTypeOf(await withContainer({ ...seed.options, name: 'other' })).toExtend<{ connection: PostgresConnection }>()
  const databases = pool(seed, { size: 2 })
  expectTypeOf(await databases.take()).toEqualTypeOf<typeof db>()
  expectTypeOf(await scoped.pool(postgres()).take()).toExtend<{ connection: PostgresConnection }>()
}

export async function optionsOfAnyServiceAreOptions(options: FixtureOptions): Promise<void> {
  const specific: FixtureOptions = postgres()
  const all = [postgres(), redis(), specific] satisfies FixtureOptions[]
  expectTypeOf(all).toExtend<FixtureOptions[]>()
  const any = await withContainer(options)
  expectTypeOf(any.url).parameter(0).toEqualTypeOf<number>()
  expectTypeOf(any).toExtend<Fixture>()
  expectTypeOf(await any.snapshot()).toExtend<FixtureSnapshot>()
  expectTypeOf(await scoped.withContainer({ ...postgres(), scope: 'file' })).toExtend<{
    connection: PostgresConnection
  }>()
}

export async function handlesOfTheRunnerKnowTheService(): Promise<void> {
  const db = scoped.useContainer(
    { ...postgres(), prepare: (pg) => expectTypeOf(pg.connection).toEqualTypeOf<PostgresConnection>() },
    { reset: (pg) => pg.reset() },
  )
  expectTypeOf(db.connection).toEqualTypeOf<PostgresConnection>()
  expectTypeOf(db.url()).toEqualTypeOf<string>()
  expectTypeOf((await db).reset).toEqualTypeOf<() => Promise<void>>()
  // @ts-expect-error -- not its port
  db.url(6379)

  const web = scoped.useContainer({ command: ['serve'], ports: [80] })
  web.url(80)
  // @ts-expect-error -- not declared
  web.url(81)

  const extended = test.extend('db', { scope: 'file' }, scoped.containerFixture(postgres()))
  extended('has it', ({ db: own }) => {
    expectTypeOf(own.connection).toEqualTypeOf<PostgresConnection>()
    // @ts-expect-error -- not its port
    own.url(6379)
  })
  scoped.prewarm(extended, 'db')
}

const _plugin = containers({
  services: { db: postgres(), web: { command: ['serve'], ports: [80] }, plain: { command: ['serve'] } },
})

export function servicesOfThePluginKnowTheirTypes(services: ServicesOf<typeof _plugin>): void {
  const { db, web, plain } = services
  expectTypeOf(db.connection).toEqualTypeOf<PostgresConnection>()
  expectTypeOf(db.url()).toEqualTypeOf<string>()
  expectTypeOf(db.url(5432)).toEqualTypeOf<string>()
  expectTypeOf(db.checkpoint).toEqualTypeOf<() => Promise<void>>()
  expectTypeOf(db.reset).toEqualTypeOf<() => Promise<void>>()
  // @ts-expect-error -- not its port
  db.url(6379)
  web.url(80)
  // @ts-expect-error -- not declared
  web.url(81)
  // @ts-expect-error -- none is declared
  plain.url(80)
}
