/** Letters of docs/protocol.md: integer, text, bytes, list of texts. */
export type FieldLetter = 'u' | 's' | 'b' | 'v'

/** Value that a field takes. */
export type FieldValue = number | bigint | string | Uint8Array | readonly string[]

/**
 * Every step of a plan: number and fields as in `keeper/ops.def` (a test compares them), then the fields' names for printing.
 */
export const operations = {
  hostMkdir: [1, 'su', ['path', 'mode']],
  hostWrite: [2, 'sub', ['path', 'mode', 'content']],
  openTree: [3, 'usu', ['slot', 'path', 'flags']],
  openFile: [4, 'us', ['slot', 'path']],
  takeFd: [5, 'uu', ['slot', 'token']],
  newMount: [6, 'usvu', ['slot', 'type', 'options', 'attributes']],
  overlay: [7, 'uvssvu', ['slot', 'lower', 'upper', 'work', 'options', 'attributes']],
  setAttributes: [8, 'uuuu', ['slot', 'set', 'clear', 'recursive']],
  waitMount: [9, 'suu', ['path', 'type', 'timeout']],
  enterRoot: [10, 'u', ['slot']],
  attach: [11, 'usu', ['slot', 'target', 'flags']],
  subtree: [12, 'uusu', ['slot', 'from', 'name', 'mode']],
  mask: [13, 'uuv', ['nullSlot', 'emptySlot', 'paths']],
  readonly: [14, 'v', ['paths']],
  mkdir: [15, 'suuu', ['path', 'mode', 'uid', 'gid']],
  writeFile: [16, 'suuub', ['path', 'mode', 'uid', 'gid', 'content']],
  copyIn: [17, 'usuuu', ['slot', 'path', 'mode', 'uid', 'gid']],
  symlink: [18, 'ss', ['content', 'path']],
  rootAttributes: [19, 'uu', ['set', 'clear']],
  hostname: [20, 's', ['name']],
  netlink: [21, 'bb', ['messages', 'places']],
  sysctl: [22, 'ss', ['path', 'value']],
  nestUser: [23, 'ssu', ['uidMap', 'gidMap', 'namespaces']],
  rlimit: [24, 'uuu', ['resource', 'soft', 'hard']],
  umask: [25, 'u', ['mask']],
  tty: [26, 'uuu', ['rows', 'columns', 'console']],
  chdir: [27, 's', ['path']],
  credentials: [28, 'ssvuuu', ['user', 'group', 'groups', 'bounding', 'permitted', 'ambient']],
  noNewPrivs: [29, '', []],
  seccomp: [30, 'b', ['filter']],
  exec: [31, 'vvu', ['argv', 'env', 'flags']],
  hostExec: [32, 'vvu', ['argv', 'env', 'slot']],
  unmount: [33, 's', ['path']],
  probeOverlay: [34, 's', ['directory']],
  scanOwners: [35, 'su', ['directory', 'most']],
  hostRename: [36, 'ssu', ['from', 'to', 'flags']],
  hostRemove: [37, 's', ['path']],
  lock: [38, 'su', ['path', 'flags']],
  listen: [39, 'us', ['slot', 'path']],
  files: [40, 'u', ['slot']],
  networkOf: [41, 'uu', ['slot', 'handle']],
  joinNetwork: [42, 'u', ['slot']],
  socket: [43, 'uuusu', ['slot', 'network', 'protocol', 'address', 'port']],
  gate: [44, 'usu', ['slot', 'target', 'port']],
  forward: [45, 'u', ['flags']],
  offerNetwork: [46, '', []],
  tap: [47, 'su', ['name', 'index']],
  netfilter: [48, 'b', ['batch']],
  hostGate: [49, 'su', ['address', 'port']],
  showNetwork: [50, 'us', ['slot', 'path']],
} as const satisfies Record<string, readonly [number: number, fields: string, names: readonly string[]]>

/** Name of a step of a plan. */
export type OperationName = keyof typeof operations

/** Arguments of a step, as its fields ask for them. */
export type OperationArguments<Name extends OperationName> = ValuesOf<(typeof operations)[Name][1]>

type ValuesOf<Fields extends string> = Fields extends `${infer Letter}${infer Rest}`
  ? [ValueOf<Letter>, ...ValuesOf<Rest>]
  : []

type ValueOf<Letter extends string> = Letter extends 'u'
  ? number | bigint
  : Letter extends 's'
    ? string
    : Letter extends 'b'
      ? Uint8Array
      : readonly string[]
