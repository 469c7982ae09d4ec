import { createServer } from 'node:http'

// The program under test: it keeps notes in memory.
const notes = []
createServer(async (request, response) => {
  if (request.method === 'POST') notes.push(Buffer.concat(await request.toArray()).toString())
  response.setHeader('content-type', 'application/json').end(JSON.stringify(notes))
}).listen(8080)
