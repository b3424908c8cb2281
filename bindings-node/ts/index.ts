// Windlass: the CI/CD engine to put inside your own portal. This is what the package `windlass` has.

export { type Action, type ActionContext, ActionError, type AnyAction, type SettingsProblem } from './action.js'
export type * from './artifacts.js'
export * from './builders.js'
export type * from './clusters.js'
export type * from './container.js'
export * from './control.js'
export type * from './credential.js'
export type { Credentials, KeyRotation } from './credentials.js'
export type * from './document.js'
export * from './editor.js'
export * from './engine.js'
export {
  ConflictError,
  DamagedError,
  type ErrorKind,
  InternalError,
  InvalidError,
  NotFoundError,
  type Problem,
  type StaleVersion,
  UnavailableError,
  UnsupportedError,
  WindlassError,
} from './errors.js'
export type * from './events.js'
export * from './executor.js'
export * from './executors.js'
export { type Logger, type LogLevel, setLogger } from './logger.js'
export { Metrics } from './metrics.js'
export type * from './options.js'
export { Pipeline, plan, schema, version } from './pipeline.js'
export * from './pipelines.js'
export type * from './plan.js'
export * from './reader.js'
export type { Registries, RegistryImage, RegistryServer } from './registries.js'
export * from './restore.js'
export * from './run.js'
export type { Remote, RemoteRefs, Sources } from './sources.js'
export { type EventSourceOptions, lastEventId } from './sse.js'
export type { FollowOptions } from './stream.js'
export type * from './trigger.js'
