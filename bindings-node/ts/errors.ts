/** What kind of failure it is, and so what the caller can do. */
export type ErrorKind = 'invalid' | 'notFound' | 'conflict' | 'unsupported' | 'unavailable' | 'damaged' | 'internal'

/** One mistake in a definition, in options or in what a run was given. */
export interface Problem {
  /** The file, where the text came from one. */
  file: string | null
  /** Where in the text, counted from 1. */
  position: { line: number; column: number } | null
  /** Where in the tree, such as `stages[1].tasks[0]`; empty for all of it. */
  path: string
  /** What is wrong, and what to do. */
  message: string
  /** The nearest right spelling. */
  suggestion: string | null
}

/** Who saved a pipeline since the version from which a save was made. */
export interface StaleVersion {
  pipeline: string
  expected: number
  found: number
  saved: string
  savedBy: string
}

/** What the core says of a failure. */
export interface ErrorDetails {
  kind: ErrorKind
  code: string
  operation: string
  message: string
  retryable: boolean
  problems: Problem[] | null
  staleVersion: StaleVersion | null
}

/** Why an operation failed. `code` is a stable word that all languages share; `message` is for people and says what to do. */
export class WindlassError extends Error {
  /** What the caller can do. */
  readonly kind: ErrorKind
  /** A stable camelCase word, such as `invalidPipeline`, `locked` or `noSuchRun`. */
  readonly code: string
  /** What was being done, such as `open` or `start`. */
  readonly operation: string
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** The mistakes of a definition or of options, each with its path; empty when it is about none. */
  readonly problems: readonly Problem[]
  /** Which version is there and who saved it, when the code is `staleVersion`. */
  readonly staleVersion: StaleVersion | null

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details.message, options)
    this.name = new.target.name
    this.kind = details.kind
    this.code = details.code
    this.operation = details.operation
    this.retryable = details.retryable
    this.problems = details.problems ?? []
    this.staleVersion = details.staleVersion
  }
}

/** A definition, a parameter or an option is wrong. Nothing was started; correct it. */
export class InvalidError extends WindlassError {}
/** There is no such run, task, pipeline or executor. */
export class NotFoundError extends WindlassError {}
/** It clashes with something that is there: another engine, another writer, a run that has ended. */
export class ConflictError extends WindlassError {}
/** This build, executor or machine cannot do it. */
export class UnsupportedError extends WindlassError {}
/** The disk, the database or the executor could not do its work now. */
export class UnavailableError extends WindlassError {}
/** What is stored makes no sense. */
export class DamagedError extends WindlassError {}
/** A mistake in Windlass itself. Please report it. */
export class InternalError extends WindlassError {}

const CLASSES: Record<ErrorKind, typeof WindlassError> = {
  invalid: InvalidError,
  notFound: NotFoundError,
  conflict: ConflictError,
  unsupported: UnsupportedError,
  unavailable: UnavailableError,
  damaged: DamagedError,
  internal: InternalError,
}

/** The error of the class that its kind has. @internal */
export function errorOf(details: ErrorDetails, options?: ErrorOptions): WindlassError {
  return new CLASSES[details.kind](details, options)
}

/** An option that no JSON can hold, such as a function or a bigint. @internal */
export function badOption(operation: string, path: string, what: string): WindlassError {
  const message = `invalid type: ${what}, which is no value of an option`
  const problem = { file: null, position: null, path, message, suggestion: null }
  const text = path === '' ? message : `${path}: ${message}`
  return errorOf({
    kind: 'invalid',
    code: 'badOption',
    operation,
    message: text,
    retryable: false,
    problems: [problem],
    staleVersion: null,
  })
}
