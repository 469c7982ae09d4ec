import { expect, expectTypeOf, test } from 'vitest'
import { containers, type ServicesOf } from '../../../plugins/vitest/plugin.ts'
import { postgres } from '../../../src/fixtures/presets/index.ts'
import type { ServiceHandle, ServiceName } from '../../../plugins/vitest/index.ts'
import { errorOf } from '../../support/containers.ts'

test('the plugin knows the names of its services, and useService any until it is told', () => {
  const plugin = containers({ services: { db: { command: ['sleep', '60'] }, queue: { image: 'host', lazy: true } } })
  expect(plugin.name).toBe('airplant')
  expectTypeOf<keyof ServicesOf<typeof plugin>>().toEqualTypeOf<'db' | 'queue'>()
  expectTypeOf<ServicesOf<typeof plugin>['db']>().toExtend<ServiceHandle>()
  expectTypeOf<ServiceName>().toEqualTypeOf<string>()
})

test('a service of a preset has its connection', () => {
  const plugin = containers({ services: { db: { ...postgres(), lazy: true } } })
  expect(plugin.name).toBe('airplant')
  type Db = ServicesOf<typeof plugin>['db']
  expectTypeOf<Db['connection']['database']>().toEqualTypeOf<string>()
})

test('the plugin refuses options that there are not', async () => {
  // @ts-expect-error -- a misspelt option
  const error = await errorOf(Promise.resolve().then(() => containers({ service: {} })))
  expect(error.message).toBe('Unknown option "service" of containers()\nHint: Did you mean "services"?')
})
