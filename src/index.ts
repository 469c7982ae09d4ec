import './rootless/dispose-symbols.ts'
export { AirplantError, isAirplantError } from './errors.ts'
export type { AirplantErrorInit, ErrorCode, Phase } from './errors.ts'
export type { Container, ContainerExit } from './containers/container.ts'
export type { ExecOptions, ExecProcess, ExecResult } from './containers/exec.ts'
export type { CommitOptions } from './containers/files/commit.ts'
export type { FileChange } from './containers/files/diff.ts'
export type { Snapshot } from './containers/files/snapshot.ts'
export type { Logs } from './containers/log-text.ts'
export type {
  BindOption,
  ContainerOptions,
  CopyInOption,
  FileOption,
  HealthcheckOption,
  Image,
  ImageSource,
  PortOption,
  PullPolicy,
  StorageDriver,
  TmpfsOption,
  VolumeOption,
} from './containers/options.ts'
export type { Healthcheck, HistoryEntry, ImageConfig, LocalImage, UnpackedLayer } from './images/image.ts'
export type { Platform } from './images/descriptor.ts'
export type { LayerState, OnProgress, ProgressEvent } from './images/progress.ts'
export type { Wait } from './fixtures/waits/wait.ts'
export { createNetwork } from './fixtures/create-network.ts'
export type { CreateNetworkOptions } from './fixtures/create-network.ts'
export type { JoinOptions, Network, NetworkMember } from './networks/network.ts'
export type { NetworkOptions } from './networks/network-options.ts'
export type { ContainerNetwork } from './containers/networking/container-networks.ts'
export type { NetworkAttachment, NetworkOption, SharedNetwork } from './containers/networking/network-option.ts'
export { pool } from './fixtures/pool/pool.ts'
export type { Pool, PoolOptions } from './fixtures/pool/pool.ts'
export { pullImage } from './fixtures/pull-image.ts'
export type { PullImageOptions } from './fixtures/pull-image.ts'
export { withContainer } from './fixtures/with-container.ts'
export type { Fixture, FixtureSnapshot } from './fixtures/fixture.ts'
export type { FixtureOptions, InputsOption, PrepareContext, TypedFixtureOptions } from './fixtures/fixture-options.ts'
export type { ReuseOptions } from './fixtures/reuse/reuse-options.ts'
export type { Service } from './fixtures/presets/service.ts'
export { Session } from './rootless/session.ts'
export type { SessionOptions } from './rootless/session.ts'
