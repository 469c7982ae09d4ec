// `npm run test:images`: the registry with the test images, for tests run by hand, until it is interrupted.
// `node scripts/serve-images.mjs PORT` for a port that stays the same.
import { builtImages, serveImages } from './setup/images.mjs'

const port = Number(process.argv[2] ?? 0)
const { env, stop } = await serveImages({ port })
console.log(`# The images of ${await builtImages()}/images.json`)
for (const [name, value] of Object.entries(env)) console.log(`export ${name}=${value}`)
const alive = setInterval(() => {}, 1 << 30)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    await stop()
    clearInterval(alive)
  })
}
