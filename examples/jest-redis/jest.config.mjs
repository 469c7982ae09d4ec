import { redis } from 'airplant/presets'

export default {
  preset: 'airplant/jest',
  testEnvironmentOptions: {
    // Lazy: only files that name it start it, by "@containers cache" or useService('cache').
    airplant: { services: { cache: { ...redis({ image: 'redis:7' }), lazy: true } } },
  },
}
