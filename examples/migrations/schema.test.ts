import { pool, useContainer } from 'airplant/vitest'
import pg from 'pg'
import { expect, test } from 'vitest'
import { database } from './database.ts'

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const db = useContainer(database)

test('has what migrations made', async () => {
  expect(await query(db.url(), 'select email from users')).toEqual([{ email: 'ada@example.org' }])
})

// Tests that may destroy anything get a server each, which is ready before they ask for it.
const databases = pool(database, { size: 2 })

test.each(['users', 'posts'])('survives without its table %s', async (table) => {
  const own = await databases.take()
  await query(own.url(), `drop table ${table} cascade`)
  expect(await query(own.url(), `select to_regclass('${table}') as found`)).toEqual([{ found: null }])
})
