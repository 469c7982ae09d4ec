import type { Container } from 'airplant'
import { expect, test } from 'vitest'
import { ask, demoServer } from './demo-server.ts'
import { withTimedContainer } from './timed-container.ts'

test('Two containers do not see each other', async ({ annotate }) => {
  await withTimedContainer(annotate, 'one', demoServer('one', [3000]), async (one) => {
    await withTimedContainer(annotate, 'two', demoServer('two', [3000, 4000]), async (two) => {
      await annotate(
        `Both listen on port 3000 at the same time; here these are ${one.port(3000)} and ${two.port(3000)}.`,
      )

      expect(await filesApart(one, two)).toEqual({ one: false, two: true })
      await annotate('Files: "two" wrote /tmp/secret and sees it; in "one" there is no such file.')

      const pids = { one: await processes(one), two: await processes(two) }
      expect(pids).toEqual({ one: ['1'], two: ['1'] })
      await annotate('Processes: each sees one process, number 1, which is itself.')

      expect(await portsApart(one, two)).toEqual({ one: false, two: true })
      await annotate('Ports: "two" also listens on 4000 and reaches it; "one" is refused there.')
    })
  })
})

test('A container does not see your files', async ({ annotate }) => {
  await withTimedContainer(annotate, 'curious', demoServer('curious', [3000]), async (curious) => {
    const list = async (path: string): Promise<string[]> =>
      (await ask<{ names: string[] }>(curious, 3000, `/list?path=${encodeURIComponent(path)}`)).names
    expect(await list('/home')).toContain('demo')
    // The working directory shows, and so the way to it.
    const way = process.cwd().split('/')
    for (let depth = 2; way[1] === 'home' && depth < way.length; depth++) {
      const names = await list(way.slice(0, depth).join('/'))
      expect(names.filter((name) => name !== 'demo')).toEqual([way[depth]])
    }
    const rest = way[1] === 'home' ? ' and the way to this directory' : ''
    await annotate(`The root file system is this machine's, read-only; but its /home holds only "demo"${rest}.`)
  })
})

async function filesApart(one: Container, two: Container): Promise<{ one: boolean; two: boolean }> {
  const { exitCode } = await two.exec(['sh', '-c', 'echo mine > /tmp/secret'])
  expect(exitCode).toBe(0)
  const look = async (container: Container): Promise<boolean> =>
    (await ask<{ exists: boolean }>(container, 3000, '/exists?path=/tmp/secret')).exists
  return { one: await look(one), two: await look(two) }
}

async function processes(container: Container): Promise<string[]> {
  return (await ask<{ pids: string[] }>(container, 3000, '/processes')).pids
}

async function portsApart(one: Container, two: Container): Promise<{ one: boolean; two: boolean }> {
  const connects = async (container: Container): Promise<boolean> =>
    (await ask<{ connects: boolean }>(container, 3000, '/connects?port=4000')).connects
  return { one: await connects(one), two: await connects(two) }
}
