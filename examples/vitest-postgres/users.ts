import type pg from 'pg'

/** The code under test. */
export async function addUser(db: pg.Client, email: string): Promise<number> {
  const { rows } = await db.query<{ id: number }>('insert into users (email) values ($1) returning id', [email])
  return rows[0]!.id
}

export async function countUsers(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ count: number }>('select count(*)::int as count from users')
  return rows[0]!.count
}
