import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, expect, test } from 'vitest'
import { createNetwork, withContainer } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { SessionNetworks } from '../../../src/networks/session-networks.ts'
import { checkLeftovers, shell } from '../../support/containers.ts'
import { compileReacher, reach } from '../../support/reach.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { cannotRunScripts } from '../../support/scripts.ts'

checkLeftovers()
const reacher = compileReacher()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const built = new URL('../../../dist/src/index.js', import.meta.url).href

test.skipIf(cannotRunScripts)(
  'names are told on by another process of the session when the one that told them is killed',
  async () => {
    const session = await defaultSession()
    const script = `
    const { Session, createNetwork } = await import(${JSON.stringify(built)})
    await createNetwork({ session: await Session.attach(${JSON.stringify(session.directory)}), name: 'theirs' })
    console.log('made')
    setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await using network = SessionNetworks.of(session).find('theirs')
    await using db = await reacher.serve('db', { network, name: 'db' })
    const question = `dns,${network.gateway},db`
    const answer = { [question]: db.networks[0]!.ip }
    // While the child lives it has the sockets; that it does not answer in this process's place is Node's affair.
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect.poll(() => reach(db, [question]), { timeout: 5000 }).toEqual(answer)
    // From now on each answer comes at once.
    for (let times = 0; times < 20; times++) expect(await reach(db, [question])).toEqual(answer)
  },
)

test('clients of several kinds find names, aliases and IDs, in any case, and are told at once what there is not', async () => {
  await using network = await createNetwork()
  await using db = await withContainer({ network, name: 'db', aliases: ['store'], command: ['sleep', '600'] })
  await using app = await withContainer({ network, command: ['sleep', '600'] })
  const { ip, ip6 } = db.networks[0]!
  // Past /etc/hosts, which has the names too.
  await shell(app, ': > /etc/hosts')
  const python = (body: string): Promise<string> =>
    shell(app, `python3 -c 'import socket as s; print(${body})' 2>&1 | tail -n 1`)
  for (const name of ['db', 'DB', 'store', db.id]) {
    expect(await shell(app, `getent ahostsv4 ${name} | head -n 1 | cut -d " " -f 1`), name).toBe(ip)
    expect(await python(`s.gethostbyname("${name}")`), name).toBe(ip)
    if (ip6 !== undefined) expect(await python(`s.getaddrinfo("${name}", 1, s.AF_INET6)[0][4][0]`), name).toBe(ip6)
  }
  for (const address of ip6 === undefined ? [ip] : [ip, ip6]) {
    expect(await python(`s.gethostbyaddr("${address}")[0]`)).toBe('db')
    expect(await shell(app, `getent hosts ${address}`)).toMatch(/\sdb$/)
  }
  const began = performance.now()
  for (const name of ['nobody', 'nobody.example']) {
    expect(await shell(app, `getent hosts ${name}; echo $?`)).toBe('2')
    expect(await python(`s.gethostbyname("${name}")`)).toContain('Name or service not known')
  }
  // A resolver that got no answer would have waited for five seconds.
  expect(performance.now() - began).toBeLessThan(5000)
})

test("busybox's nslookup finds names over both families", async () => {
  await using network = await createNetwork()
  root.write('/bin/ask', '#!/bin/sh\nexec busybox nslookup "$@"\n', 0o755)
  const image = { rootfs: root.path }
  await using db = await withContainer({ image, network, name: 'db', command: ['sleep', '600'] })
  const { ip, ip6 } = db.networks[0]!
  for (const server of [network.gateway, network.gateway6]) {
    if (server === undefined) continue
    const answer = await shell(db, `ask db ${server}`)
    expect(answer).toContain(ip)
    expect(answer).toContain(ip6 ?? ip)
  }
  expect(await shell(db, 'ask nobody 2>&1; echo $?')).toMatch(/NXDOMAIN|can't resolve/)
})
