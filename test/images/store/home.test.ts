import { expect, test } from 'vitest'
import { storeHome } from '../../../src/images/store/home.ts'

test('the store is where the environment says, else under the data of the user', () => {
  expect(storeHome({ AIRPLANT_HOME: '/a', XDG_DATA_HOME: '/b' }, 1000)).toBe('/a')
  expect(storeHome({ XDG_DATA_HOME: '/b', HOME: '/c' }, 1000)).toBe('/b/airplant')
  expect(storeHome({ XDG_DATA_HOME: 'relative', HOME: '/c' }, 1000)).toBe('/c/.local/share/airplant')
  expect(storeHome({ HOME: '/root', XDG_DATA_HOME: '/b' }, 0)).toBe('/var/lib/airplant/store')
  expect(storeHome({ AIRPLANT_HOME: '/a' }, 0)).toBe('/a')
  expect(() => storeHome({ AIRPLANT_HOME: 'a' }, 1000)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
})
