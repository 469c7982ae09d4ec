// The server that the demo runs in containers: it says what it can see from where it is.
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { hostname } from 'node:os'

const views = {
  '/about': () => ({ hostname: hostname(), pid: process.pid, user: process.getuid() }),
  '/processes': () => ({ pids: readdirSync('/proc').filter((name) => /^\d+$/.test(name)) }),
  '/exists': (query) => ({ exists: existsSync(query.get('path')) }),
  '/list': (query) => ({ names: readdirSync(query.get('path')) }),
  '/connects': async (query) => ({ connects: await connects(Number(query.get('port'))) }),
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://container')
  const view = views[pathname]
  response.writeHead(view ? 200 : 404, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(view ? await view(searchParams) : {}))
})

for (const port of process.argv.slice(2)) createServer(server.listeners('request')[0]).listen(Number(port))

function connects(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
