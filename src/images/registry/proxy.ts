import { BlockList, isIP } from 'node:net'
import { AirplantError } from '../../errors.ts'
import { isLoopback } from './is-loopback.ts'

/**
 * The proxy for a request, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Docker reads them (golang.org/x/net/http/httpproxy): upper case before
 * lower case, never for loopback, `*`, names with all below them, `.suffix` for those below only, addresses, networks (CIDR) and ports.
 *
 * undici's EnvHttpProxyAgent reads no networks, sends https through HTTP_PROXY and loopback through either, so it would surprise here.
 *
 * @returns an URL for undici's ProxyAgent; undefined to connect directly
 * @throws {AirplantError} `ERR_INVALID_OPTION` when the variable is no proxy's address; its value is not shown, it may have a password
 * @example
 * proxyFor('https://ghcr.io/v2/', { HTTPS_PROXY: 'proxy.example:3128' }) // 'http://proxy.example:3128/'
 */
export function proxyFor(url: string | URL, env: NodeJS.ProcessEnv): string | undefined {
  const { protocol, host, hostname, port } = new URL(url)
  const name = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = env[name] || env[name.toLowerCase()]
  // In a CGI program HTTP_PROXY may be the client's header "Proxy" (CVE-2016-5386).
  if (!value || (name === 'HTTP_PROXY' && env.REQUEST_METHOD)) return undefined
  const target = {
    name: hostname.toLowerCase().replace(/^\[|\]$|\.$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
  }
  if (isLoopback(host) || isExcepted(target, env.NO_PROXY || env.no_proxy || '')) return undefined
  return proxyUrl(name, value)
}

interface Target {
  readonly name: string
  readonly port: number
}

function isExcepted(target: Target, exceptions: string): boolean {
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .some((exception) => exception !== '' && matches(target, exception))
}

function matches(target: Target, exception: string): boolean {
  if (exception === '*') return true
  if (exception.includes('/')) return isInNetwork(target.name, exception)
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|(.*?))(?::(\d+))?$/.exec(
    isIP(exception) ? `[${exception}]` : exception,
  )!
  if (port !== undefined && Number(port) !== target.port) return false
  const name = (bracketed ?? plain!).replace(/^\*\./, '.')
  if (isIP(name)) return isInNetwork(target.name, `${name}/${isIP(name) === 4 ? 32 : 128}`)
  return name.startsWith('.') ? target.name.endsWith(name) : `.${target.name}`.endsWith(`.${name}`)
}

function isInNetwork(address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/')
  const family = isIP(base)
  const longest = family === 4 ? 32 : 128
  // What is no network is passed over, as Go does: the variable is other programs' too.
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > longest) return false
  const list = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(base, Number(bits), type)
  return list.check(address, type)
}

function proxyUrl(name: string, value: string): string {
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (URL.canParse(written)) {
    const url = new URL(written.replace(/^socks5h:/i, 'socks5:'))
    if (url.hostname !== '' && ['http:', 'https:', 'socks5:'].includes(url.protocol)) return url.href
  }
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot use the value of ${name}: not the address of a proxy`,
    hint: 'Write it as in "http://proxy.example:3128", with http, https or socks5',
  })
}
