import { useService } from 'airplant/vitest'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addUser, countUsers } from './users.ts'

const db = useService('db')
let client: pg.Client

// Before each test the database is as it was when the server was ready: a copy of a template, in some milliseconds.
beforeEach(async () => {
  await db.reset()
  client = new pg.Client(db.url())
  await client.connect()
})
afterEach(() => client.end())

test('adds a user', async () => {
  await addUser(client, 'ada@example.org')
  expect(await countUsers(client)).toBe(1)
})

test('sees nothing of what the test before wrote', async () => {
  expect(await countUsers(client)).toBe(0)
})

test('refuses an address that is taken', async () => {
  await addUser(client, 'ada@example.org')
  await expect(addUser(client, 'ada@example.org')).rejects.toThrow('duplicate key')
})
