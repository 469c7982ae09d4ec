import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDigest } from '../digest.ts'
import { damaged } from './store-error.ts'

/** What is known of an unpacked layer. */
export interface LayerFacts {
  /** Bytes of its files. */
  readonly bytes: number
  /** 0 also when it was not measured yet. */
  readonly entries: number
  /** Permission bits of the layer's own root directory, undefined when it does not say. */
  readonly rootMode?: number | undefined
  /** Opaque directories are marked by files, because the file system has no user xattrs. */
  readonly markedByFiles: boolean
  /** Device nodes that were left out. */
  readonly devices: readonly string[]
  /** Whose its files are where a single ID is mapped and stands for another than root; undefined: the owners are true. */
  readonly owner?: LayerOwner | undefined
}

/** A user and a group in a container. */
export interface LayerOwner {
  readonly uid: number
  readonly gid: number
}

/** What `layer.json` holds. */
export interface LayerRecord extends LayerFacts {
  readonly key: string
  /** The machine's boot in which it was published. */
  readonly bootId: string
}

/** Beside it in a layer's directory: the layer's files. */
export const FILES = 'fs'

/** The record; while somebody looks whether the layer may be deleted it has the other name. */
export const RECORD = 'layer.json'
export const CONDEMNED = 'condemned.json'

/** There once all of the layer is on the disk. Until then it is valid only in the boot that published it. */
export const SYNCED = 'synced'

/** Whether it is a diff ID, or the key of a snapshot's layer in the store. */
export function isLayerKey(key: string): boolean {
  return isDigest(key) || /^snapshot:[0-9a-f]{32}$/.test(key)
}

/** A layer's key as the name of its directory. @throws {AirplantError} `ERR_STORE` when it is no key */
export function layerDirectoryName(key: string): string {
  if (isLayerKey(key)) return key.replace(':', '-')
  throw damaged(key, 'it is no name of a layer')
}

/**
 * Reads the record of a layer that may be used.
 *
 * @param directory of the layer
 * @returns undefined when there is none, it cannot be read, or it did not reach the disk before the machine went down
 */
export function readLayerRecord(directory: string, bootId: string, name: string = RECORD): LayerRecord | undefined {
  let record: unknown
  try {
    record = JSON.parse(readFileSync(join(directory, name), 'utf8'))
  } catch {
    return undefined
  }
  if (!isRecord(record)) return undefined
  return record.bootId === bootId || isSynced(directory) ? record : undefined
}

/** Whether all of a layer is known to be on the disk. */
export function isSynced(directory: string): boolean {
  return lstatSync(join(directory, SYNCED), { throwIfNoEntry: false }) !== undefined
}

function isRecord(value: unknown): value is LayerRecord {
  const { key, bytes, entries, rootMode, markedByFiles, devices, bootId, owner } = (value ?? {}) as Record<
    string,
    unknown
  >
  const isMode = rootMode === undefined || (Number.isInteger(rootMode) && (rootMode as number) <= 0o7777)
  const isList = Array.isArray(devices) && devices.every((device) => typeof device === 'string')
  return (
    [key, bootId].every((text) => typeof text === 'string') &&
    [bytes, entries].every((count) => Number.isSafeInteger(count)) &&
    typeof markedByFiles === 'boolean' &&
    isMode &&
    isList &&
    isOwner(owner)
  )
}

function isOwner(value: unknown): boolean {
  const { uid, gid } = (value ?? { uid: 0, gid: 0 }) as Record<string, unknown>
  return [uid, gid].every((id) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 32 - 1)
}

/** Changes with each start of the machine, proc_sys_kernel(5). */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}
