import { TestEnvironment } from 'jest-environment-node'
import { withAirplant } from './with-airplant.ts'

export { withAirplant } from './with-airplant.ts'

/** Jest's own environment for Node, with containers. */
const environment: typeof TestEnvironment = withAirplant(TestEnvironment)

export default environment
