// Installs what the tests and the check of the C need; for continuous integration, where lint comes before the tests.
import { installPackages, missingLintPackages, missingPackages } from './packages.mjs'

installPackages([...new Set([...missingPackages(), ...missingLintPackages()])])
