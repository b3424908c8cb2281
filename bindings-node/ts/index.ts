// Windlass: the CI/CD engine to put inside your own portal. This is what the package `windlass` has.

export { type Action, type ActionContext, ActionError, type AnyAction, type SettingsProblem } from './action.js'
export * from './builders.js'
export type * from './credential.js'
export type { Credentials } from './credentials.js'
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
export type * from './options.js'
export { Pipeline, schema, version } from './pipeline.js'
export * from './pipelines.js'
export * from './run.js'
export { type EventSourceOptions, lastEventId } from './sse.js'
export type { FollowOptions } from './stream.js'
