import { expect, test } from 'vitest'
import { proxyFor } from '../../../src/images/registry/proxy.ts'

const both = { HTTP_PROXY: 'http://plain.example:3128', HTTPS_PROXY: 'http://secure.example:3128' }

test('each scheme has its proxy, and without one it is a direct connection', () => {
  expect(proxyFor('https://ghcr.io/v2/', both)).toBe('http://secure.example:3128/')
  expect(proxyFor('http://ghcr.io/v2/', both)).toBe('http://plain.example:3128/')
  expect(proxyFor('https://ghcr.io/v2/', { HTTP_PROXY: 'http://plain.example' })).toBeUndefined()
  expect(proxyFor('https://ghcr.io/v2/', {})).toBeUndefined()
  expect(proxyFor('https://ghcr.io/v2/', { HTTPS_PROXY: '' })).toBeUndefined()
})

test('upper case comes before lower case', () => {
  expect(proxyFor('https://ghcr.io/', { HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' })).toBe(
    'http://upper/',
  )
  expect(proxyFor('https://ghcr.io/', { https_proxy: 'http://lower' })).toBe('http://lower/')
  expect(proxyFor('https://ghcr.io/', { https_proxy: 'http://lower', no_proxy: 'ghcr.io' })).toBeUndefined()
  expect(proxyFor('https://ghcr.io/', { https_proxy: 'http://lower', NO_PROXY: 'a', no_proxy: '*' })).toBe(
    'http://lower/',
  )
})

test('a CGI program does not take a header for its proxy', () => {
  expect(proxyFor('http://ghcr.io/', { ...both, REQUEST_METHOD: 'GET' })).toBeUndefined()
  expect(proxyFor('https://ghcr.io/', { ...both, REQUEST_METHOD: 'GET' })).toBe('http://secure.example:3128/')
})

test.each([
  'http://localhost/',
  'http://localhost:5000/',
  'https://127.0.0.1:5000/',
  'https://127.8.9.10/',
  'http://127.1/',
  'http://[::1]:5000/',
  'http://[0:0:0:0:0:0:0:1]:5000/',
])('loopback is never asked through a proxy: %s', (url) => {
  expect(proxyFor(url, both)).toBeUndefined()
})

test.each([
  ['*', 'https://example.com/', true],
  ['a, *', 'https://example.com/', true],
  ['example.com', 'https://example.com/', true],
  ['EXAMPLE.com', 'https://Example.COM/', true],
  ['example.com', 'https://example.com./', true],
  ['example.com', 'https://sub.example.com/', true],
  ['example.com', 'https://badexample.com/', false],
  ['example.com', 'https://example.com.evil/', false],
  ['.example.com', 'https://sub.example.com/', true],
  ['.example.com', 'https://example.com/', false],
  ['*.example.com', 'https://a.b.example.com/', true],
  ['*.example.com', 'https://example.com/', false],
  ['a,example.com:5000', 'https://example.com:5000/', true],
  ['example.com:5000', 'https://example.com/', false],
  ['example.com:443', 'https://example.com/', true],
  ['example.com:80', 'http://example.com/', true],
  ['foo example.com', 'https://example.com/', true],
  ['10.1.2.3', 'https://10.1.2.3:5000/', true],
  ['10.1.2.3:5000', 'https://10.1.2.3:5000/', true],
  ['10.1.2.3:5000', 'https://10.1.2.3/', false],
  ['10.1.2.3', 'https://110.1.2.3/', false],
  ['10.0.0.0/8', 'https://10.200.2.3/', true],
  ['10.0.0.0/8', 'https://11.0.0.1/', false],
  ['10.0.0.0/8', 'https://ten.example/', false],
  ['10.0.0.0/33', 'https://10.0.0.1/', false],
  ['nonsense/8', 'https://10.0.0.1/', false],
  ['0.0.0.0/0', 'https://10.0.0.1/', true],
  ['fd00::/8', 'https://[fd12::1]/', true],
  ['fd00::/8', 'https://[fe80::1]/', false],
  ['fd00::/8', 'https://10.0.0.1/', false],
  ['fd12::1', 'https://[fd12:0::1]:5000/', true],
  ['[fd12::1]:5000', 'https://[fd12::1]:5000/', true],
  ['[fd12::1]:5000', 'https://[fd12::1]/', false],
  ['[', 'https://example.com/', false],
  [',,:80, ,', 'http://example.com/', false],
])('NO_PROXY=%j and %s: direct is %s', (exceptions, url, direct) => {
  expect(proxyFor(url, { ...both, NO_PROXY: exceptions }) === undefined).toBe(direct)
})

test.each([
  ['proxy.example:3128', 'http://proxy.example:3128/'],
  ['proxy.example', 'http://proxy.example/'],
  ['10.0.0.1:8080', 'http://10.0.0.1:8080/'],
  ['https://proxy.example', 'https://proxy.example/'],
  ['http://me:p%40ss@proxy.example:3128', 'http://me:p%40ss@proxy.example:3128/'],
  ['me:secret@proxy.example:3128', 'http://me:secret@proxy.example:3128/'],
  ['socks5://proxy.example:1080', 'socks5://proxy.example:1080'],
  ['socks5h://proxy.example:1080', 'socks5://proxy.example:1080'],
])('the proxy %s is used as %s', (value, url) => {
  expect(proxyFor('https://ghcr.io/', { HTTPS_PROXY: value })).toBe(url)
})

test.each(['ftp://me:hunter2@proxy.example', 'http://me:hunter2@', 'http://', 'http://hunter2:x:y', ':', 'socks4://x'])(
  'what is no proxy is refused, without its password: %s',
  (value) => {
    const act = (): unknown => proxyFor('https://ghcr.io/', { HTTPS_PROXY: value })
    expect(act).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
    expect(act).toThrow(/^(?!.*hunter2)Cannot use the value of HTTPS_PROXY/)
  },
)
