import { createServer } from 'node:http'
import { connect } from 'node:net'

// The program under test: it counts visits in a Redis server that it knows as "cache".
createServer((_request, response) => {
  const redis = connect(6379, 'cache', () => redis.write('INCR visits\r\n'))
  redis.once('data', (answer) => {
    response.end(`visit ${answer.toString().slice(1).trim()}`)
    redis.end()
  })
  redis.on('error', (error) => response.writeHead(503).end(error.message))
}).listen(8080, () => console.log('listening'))
