// Checked by `npm run build`, which fails when a line here has another type: nothing of it runs.
import { expectTypeOf } from 'vitest'
import type { Container, Network, ServiceHandle } from '../../plugins/jest/index.cts'
import { createNetwork, pool, presets, useContainer, useService, withContainer } from '../../plugins/jest/index.cts'

export function whatIsOpenedKnowsItsPortsAndItsService(): void {
  const own = useContainer({ ports: [6379] })
  expectTypeOf(own.url).toBeCallableWith(6379)
  // @ts-expect-error 1 is not published
  own.url(1)
  expectTypeOf(useContainer(presets.postgres()).connection.user).toBeString()
  expectTypeOf(pool(presets.redis()).take()).resolves.toExtend<Container>()
  expectTypeOf(withContainer({ command: ['true'] }, ({ pid }) => pid)).resolves.toBeNumber()
  expectTypeOf(createNetwork()).resolves.toEqualTypeOf<Network>()
  // @ts-expect-error no such option
  void withContainer({ comand: ['true'] })
}

export function aServiceIsAHandleThatIsThereLater(): void {
  const db = useService('db')
  expectTypeOf(db).toExtend<ServiceHandle>()
  expectTypeOf<Awaited<typeof db>>().toEqualTypeOf<ServiceHandle>()
}
