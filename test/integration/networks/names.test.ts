import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Container } from '../../../src/index.ts'
import { createNetwork, withContainer } from '../../../src/index.ts'
import { checkLeftovers, shell } from '../../support/containers.ts'

checkLeftovers()

const sleep = { command: ['sleep', '600'] }

/** Asks the network's own server for names, past /etc/hosts, as programs do that ask DNS themselves. */
async function dig(container: Container, ...questions: readonly string[]): Promise<string[]> {
  const script = `
    const { Resolver } = require('node:dns').promises
    const resolver = new Resolver({ timeout: 2000, tries: 4 })
    const ask = async (question) => {
      const [type, name] = question.split(' ')
      const reverse = name.split('.').reverse().join('.') + '.in-addr.arpa'
      const found = await resolver.resolve(type === 'PTR' ? reverse : name, type)
      return found.join(' ')
    }
    const all = process.argv.slice(1).map((question) => ask(question).catch((error) => error.code))
    Promise.all(all).then((answers) => console.log(answers.join('\\n')))`
  const { output } = await container.exec([process.execPath, '-e', script, ...questions])
  return output.trimEnd().split('\n')
}

test('programs that ask DNS get names, aliases and IDs of members, and the names of their addresses', async () => {
  await using network = await createNetwork()
  await using db = await withContainer({ ...sleep, network, name: 'db', aliases: ['postgres'] })
  await using app = await withContainer({ ...sleep, network })
  const [{ ip, ip6 } = { ip: '', ip6: undefined }] = db.networks
  const questions = ['A db', 'A POSTGRES', `A ${db.id}`, `PTR ${ip}`, 'A nobody', 'A nobody.example', 'MX db']
  expect(await dig(app, ...questions)).toEqual([ip, ip, ip, 'db', 'ENOTFOUND', 'ENOTFOUND', 'ENODATA'])
  if (ip6 !== undefined) expect(await dig(app, 'AAAA db')).toEqual([ip6])
})

test('members that come and go are known to DNS at once', async () => {
  await using network = await createNetwork()
  await using app = await withContainer({ ...sleep, network })
  {
    await using late = await withContainer({ ...sleep, network, name: 'late' })
    expect(await dig(app, 'A late')).toEqual([late.networks[0]!.ip])
  }
  expect(await dig(app, 'A late')).toEqual(['ENOTFOUND'])
})

test('a container on two networks is told the names of both, from either, and others only of theirs', async () => {
  await using front = await createNetwork()
  await using back = await createNetwork()
  await using web = await withContainer({ ...sleep, network: front, name: 'web' })
  await using db = await withContainer({ ...sleep, network: back, name: 'db' })
  await using app = await withContainer({ ...sleep, network: [front, back] })
  expect(await dig(app, 'A web', 'A db')).toEqual([web.networks[0]!.ip, db.networks[0]!.ip])
  expect(await dig(web, 'A db')).toEqual(['ENOTFOUND'])
})

test("the C library's resolver finds members in both ways", async ({ skip }) => {
  if (!existsSync('/usr/bin/getent')) return skip('getent is missing: apt-get install libc-bin')
  await using network = await createNetwork()
  await using db = await withContainer({ ...sleep, network, name: 'db' })
  await using app = await withContainer({ ...sleep, network })
  const { ip } = db.networks[0]!
  expect(await shell(app, 'getent ahostsv4 db | head -n 1 | cut -d " " -f 1')).toBe(ip)
  expect(await shell(app, `getent hosts ${db.id} > /dev/null && echo found`)).toBe('found')
})

test('packets that are none, and many of them, keep no neighbour from its answers', async () => {
  await using network = await createNetwork()
  await using db = await withContainer({ ...sleep, network, name: 'db' })
  await using app = await withContainer({ ...sleep, network })
  const flood = `
    const { createSocket } = require('node:dgram')
    const { randomBytes } = require('node:crypto')
    const sockets = Array.from({ length: 50 }, () => createSocket('udp4').on('error', () => {}))
    let sent = 0
    const send = () => {
      for (const socket of sockets) socket.send(randomBytes(1 + sent % 600), 53, ${JSON.stringify(network.gateway)}, () => {})
      if ((sent += 50) < 20_000) setImmediate(send)
      else sockets.forEach((socket) => socket.close())
    }
    send()`
  const flooding = db.exec([process.execPath, '-e', flood])
  for (let round = 0; round < 5; round++) expect(await dig(app, 'A db')).toEqual([db.networks[0]!.ip])
  expect(await flooding).toMatchObject({ exitCode: 0 })
})
