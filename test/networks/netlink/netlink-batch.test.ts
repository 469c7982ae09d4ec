import { expect, test } from 'vitest'
import { NetlinkBatch } from '../../../src/networks/netlink/netlink-batch.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'

test('a message has its length, type, flags, and attributes that are padded but say what is not', () => {
  const batch = new NetlinkBatch()
  batch.message(20, 0x600, Uint8Array.of(2, 32, 0, 0, 1, 0, 0, 0), () => batch.bytes(2, Uint8Array.of(1, 2, 3, 4, 5)))
  expect(batch.encode().toString('hex')).toBe(
    [
      '24000000',
      '1400',
      '0506',
      '00000000',
      '00000000',
      '0220000001000000',
      '0900',
      '0200',
      '0102030405',
      '000000',
    ].join(''),
  )
})

test('a nested attribute encloses what is written in it, padding included', () => {
  const batch = new NetlinkBatch()
  batch.message(16, 0, new Uint8Array(16), () => {
    batch.nested(18, () => {
      batch.text(1, 'veth')
      batch.u8(2, 7)
    })
  })
  const attributes = batch.encode().subarray(32)
  // 4 and 12 for the text, 5 for the number.
  expect(attributes.readUInt16LE(0)).toBe(4 + 12 + 5)
  expect(attributes.readUInt16LE(2)).toBe(18 | 0x8000)
  expect(attributes.subarray(8, 13).toString()).toBe('veth\0')
  expect(attributes.length).toBe(24)
})

test('places of descriptors lead to where the step writes them, in the messages that follow too', () => {
  const batch = new NetlinkBatch()
  for (const slot of [3, 7]) batch.message(16, 0, new Uint8Array(16), () => batch.descriptor(28, slot))
  const [step] = batch.addTo(new Plan()).steps
  const places = Buffer.from(step?.args[1] as Uint8Array)
  const values = [0, 1, 2, 3].map((index) => places.readUInt32LE(4 * index))
  expect(values).toEqual([36, 3, 76, 7])
  expect(batch.encode().readUInt16LE(34)).toBe(28)
})

test('what is optional asks for no answer', () => {
  const batch = new NetlinkBatch()
  batch.optional(16, 0, new Uint8Array(16)).message(16, 0, new Uint8Array(16))
  expect(batch.encode().readUInt16LE(6)).toBe(0x1)
  expect(batch.encode().readUInt16LE(32 + 6)).toBe(0x5)
})

test('any number of messages fits', () => {
  const batch = new NetlinkBatch()
  for (let count = 0; count < 1000; count++)
    batch.message(16, 0, new Uint8Array(16), () => batch.text(3, 'x'.repeat(15)))
  expect(batch.encode().length).toBe(1000 * (16 + 16 + 4 + 16))
})
