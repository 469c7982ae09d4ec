import { isIP } from 'node:net'

/** Whether a host, with or without a port, is this machine by name or address: `localhost`, 127.0.0.0/8 and `[::1]`. */
export function isLoopback(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false
  // An URL's host is in its one canonical form, whatever spelling of an address was given.
  const { hostname } = new URL(`http://${host}`)
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
}
