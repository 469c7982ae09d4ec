// Measures docker alone, as whoever starts it, and prints the row or why there is none as JSON.
import { closeWorkshop, docker, openWorkshop } from './peers.ts'
import { measurePeer } from './whole-process.ts'

const workshop = openWorkshop()
try {
  process.stdout.write(JSON.stringify(await measurePeer(docker, workshop)))
} finally {
  closeWorkshop(workshop)
}
