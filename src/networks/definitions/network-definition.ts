import { isAirplantError } from '../../errors.ts'
import { checkNetworkOptions } from '../network-options.ts'

/**
 * A network of the command line. No process holds it: it is a file that says how to make the network when the first container wants it.
 */
export interface NetworkDefinition {
  /** Twelve hexadecimal digits; the network that is made of it has the same. */
  readonly id: string
  readonly name: string
  readonly subnet: string
  readonly subnet6: string | undefined
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly created: string
}

/**
 * Reads a definition's text; undefined when it is none, however it came to be so: what cannot be used is as good as not there.
 *
 * @param name of the file
 */
export function parseDefinition(text: string, name: string): NetworkDefinition | undefined {
  const read = readObject(text)
  const { id, subnet, subnet6, internal, labels, created } = read
  if (read.name !== name || !isText(id, /^[0-9a-f]{12}$/) || !isText(subnet, /./)) return undefined
  if (!isText(created, /^[\dT:.Z-]{1,40}$/) || typeof internal !== 'boolean' || !areLabels(labels)) return undefined
  if (subnet6 !== undefined && !isText(subnet6, /./)) return undefined
  const definition = { id, name, subnet, subnet6, internal, labels, created }
  try {
    checkNetworkOptions(optionsOf(definition))
    return definition
  } catch (error) {
    if (isAirplantError(error)) return undefined
    throw error
  }
}

/** What the network is made with. */
export function optionsOf({ name, subnet, subnet6, internal, labels }: NetworkDefinition): {
  name: string
  subnet: string
  subnet6?: string
  internal: boolean
  labels: Readonly<Record<string, string>>
} {
  return { name, subnet, ...(subnet6 === undefined ? {} : { subnet6 }), internal, labels }
}

function readObject(text: string): Partial<Record<keyof NetworkDefinition, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function isText(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value)
}

function areLabels(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((label) => typeof label === 'string')
}
