import type { ContainerOptions, Service } from './container.js'
import type { Resources } from './document.js'
import type { WaitReason } from './events.js'

/** What an executor can do. Left out: it cannot. */
export interface Capabilities {
  /** Steps run in the image that the task names. Otherwise the image is ignored, and said to be. */
  images: boolean
  /** Steps go on when the engine dies, and a fresh instance finds them. Without it they are `lost` after a crash. */
  reattach: boolean
  /** Every descendant of a step is found and stopped, whatever it does to hide. */
  containsDescendants: boolean
  /** The limits of `resources` are enforced. */
  resources: boolean
  /** `isolation: task` gives a task a container or pod of its own. */
  isolation: boolean
}

/** One attempt at a task in a run: what executors address steps by. */
export interface StepKey {
  run: string
  task: string
  /** 1 for the first attempt. */
  attempt: number
}

/** What a step runs. */
export type Command =
  /** A script: run with `shell` and the script's file as last argument; else by its shebang; else with `bash -e` or `sh -e`. */
  | { script: { text: string; shell: string | null } }
  /** A program with its arguments; no shell sees them. */
  | { program: { argv: string[] } }

/** A step: what an executor starts for an attempt. Everything in it is resolved. */
export interface StepSpec {
  key: StepKey
  /** The workspace's generation. */
  generation: number
  /** Whether an earlier engine may have started it already. */
  resumed: boolean
  command: Command
  /** The environment, exactly as the step shall see it, over `PATH` and `HOME`. */
  env: Record<string, string>
  image: string | null
  /** What else its container has, and what is beside it. Missing when the task says nothing of it. */
  container?: { options: ContainerOptions; services: Service[] }
  resources: Resources
  isolation: 'run' | 'task'
  workspace: 'shared' | 'none'
}

/** How a step ended: with an exit code (0 is success), by a signal, or for want of memory. */
export type StepEnd = { code: number } | { signal: number } | 'outOfMemory'

/**
 * Credentials for a step. They must show up nowhere but in the step: not in a log, an error, a command line, or in the environment
 * of anything else. Both win over `env` of the step.
 */
export interface StepSecrets {
  /** Values by the name of their environment variable. */
  env: Record<string, string>
  /** Contents of files by the name of the variable that gets the file's path: readable by the step only, gone after it. */
  files: Record<string, Buffer>
}

/** What a {@link SimpleExecutor} has beside the step. */
export interface StepContext {
  /** The folder on this machine in which the step works. */
  readonly workspace: string
  /** Credentials for the step. */
  readonly secrets: StepSecrets
  /** Aborted when the step shall end. */
  readonly signal: AbortSignal
  /** Adds to the step's log. */
  log(text: string | Uint8Array): void
  /** Sets what the step hands to later ones: the keys that its task declares as `outputs`, or the lines of `KEY=VALUE` themselves. */
  setOutput(outputs: Record<string, string> | Uint8Array): void
}

/**
 * The short way to an executor of one's own: one function that runs a step to its end. Called at most once for a step. It should
 * return soon after `context.signal` is aborted; after the stop's grace nobody waits for it any more. It does not survive the
 * process: after a crash the step is lost.
 */
export interface SimpleExecutor {
  /** What it can do; `reattach` is always false. */
  readonly capabilities?: Partial<Capabilities>
  /** Runs the step. What it throws fails the attempt as a failure of the executor, unless it is an {@link ExecutorError}. */
  run(step: StepSpec, context: StepContext): StepEnd | Promise<StepEnd>
}

/** What must be there before steps of a run start. */
export interface RunScope {
  run: string
  /** The workspace's generation. */
  generation: number
  /** Whether it was made before: then `prepare` finds it, or says that it is lost, and never makes it anew. */
  existing: boolean
  /** A folder on the engine's machine whose files the fresh workspace starts with. */
  source: string | null
  /** The run whose kept workspace becomes this run's. It is moved, not copied. */
  adopt: { run: string; generation: number } | null
}

/** How a step ended, with its log and outputs. */
export interface StepExit {
  end: StepEnd
  /** The length of its raw log in bytes; nothing is added to it any more. */
  logLength: number
  /** What it wrote to `$WINDLASS_OUTPUT`: lines of `KEY=VALUE`. */
  output?: Uint8Array
}

/** Something that an executor noticed about a run. */
export type ExecutorEvent =
  /** A step cannot go on yet. */
  | { waiting: { step: StepKey; reason: WaitReason } }
  /** The step waits no longer. */
  | { running: { step: StepKey } }
  /** Something that whoever reads the step's log wants to know: how far an image is fetched, what became of a service. */
  | { told: { step: StepKey; line: string } }

/**
 * Where steps run: the whole contract. Every method takes keys and may be called on a fresh instance after a crash; nothing that
 * matters is only in memory. The contract's sentences stand at the Rust trait `Executor`, and `runExecutorConformance` of
 * `windlass/testing` tests each of them.
 */
export interface Executor {
  /** What it can do. The same always. */
  readonly capabilities: Partial<Capabilities>
  /**
   * The keys of `container` with which it does nothing; people are told in the log of the task. Unset: none with images, and all
   * without.
   */
  readonly ignores?: readonly (keyof ContainerOptions)[]
  /** Makes or finds the workspace. Safe to repeat. */
  prepare(scope: RunScope): Promise<void>
  /** What happens to the run's steps beside their logs and ends: what they wait for. Ends with `release`. */
  observe?(run: string): AsyncIterable<ExecutorEvent>
  /** Starts the step. Safe to repeat: the start token lets exactly one through. A start after a `stop` starts nothing. */
  start(step: StepSpec, secrets: StepSecrets): Promise<void>
  /** Waits for the step's end, also from a fresh instance. */
  wait(step: StepKey): Promise<StepExit>
  /** The raw log from an offset on, as it grows. Ends by itself after the last byte of an ended step. */
  logs(step: StepKey, from: number): AsyncIterable<Uint8Array>
  /**
   * What the services of an ended step said, to be kept behind its own log: whole lines, each with the service's name before it.
   * They are stopped by then.
   */
  serviceLogs?(step: StepKey): Promise<Uint8Array>
  /** Ends the step with everything that it started: the signal, `graceMs` milliseconds, the kill. Safe to repeat. */
  stop(step: StepKey, graceMs: number): Promise<void>
  /** A file or folder of the workspace as a tar stream, in which names begin with the path's last part. */
  read(run: string, path: string): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>
  /** Unpacks a tar stream below a folder of the workspace. Nothing in it can leave the folder. */
  write(run: string, path: string, tar: AsyncIterable<Uint8Array>): Promise<void>
  /** Drops the raw log of an ended step. Safe to repeat. */
  forget(step: StepKey): Promise<void>
  /** Stops what is left of the run and frees everything. Safe to repeat, and for runs that were never prepared. */
  release(run: string): Promise<void>
  /** Stops what is left of the run and frees everything but its workspace. False when there is none or it cannot be kept. */
  keep?(run: string, generation: number): Promise<boolean>
  /** Frees everything of runs that are not in `keep`, of this installation only; gives the runs. */
  sweep(keep: string[]): Promise<string[]>
}

/** Why an executor could not do what it was asked. */
export class ExecutorError extends Error {
  override readonly name = 'ExecutorError'
  private constructor(
    /** What kind of failure it is. */
    readonly kind:
      | 'badStep'
      | 'infrastructure'
      | 'lost'
      | 'neverStarted'
      | 'notFound'
      | 'unsupported'
      | 'workspaceLost',
    /** A stable code in camelCase. */
    readonly code: string,
    message: string,
    /** What to do. */
    readonly advice: string,
  ) {
    super(message)
  }

  /** The step cannot be started as it is described: a mistake of who wrote it, not worth another try. */
  static badStep(code: string, message: string, advice = ''): ExecutorError {
    return new ExecutorError('badStep', code, message, advice)
  }

  /** Something that another try may mend. */
  static infrastructure(code: string, message: string, advice = ''): ExecutorError {
    return new ExecutorError('infrastructure', code, message, advice)
  }

  /** The step took its start token, and nobody knows how it ended. */
  static lost(why: string): ExecutorError {
    return new ExecutorError('lost', 'lost', why, '')
  }

  /** The step was stopped before it started. */
  static neverStarted(): ExecutorError {
    return new ExecutorError('neverStarted', 'neverStarted', 'the step was stopped before it started', '')
  }

  /** There is no such file in the workspace. */
  static notFound(path: string): ExecutorError {
    return new ExecutorError('notFound', 'fileNotFound', `reading ${path}`, '')
  }

  /** The executor does not do this. */
  static unsupported(what: string, advice: string): ExecutorError {
    return new ExecutorError('unsupported', 'unsupported', what, advice)
  }

  /** The run's workspace was there once, and is gone. */
  static workspaceLost(why: string): ExecutorError {
    return new ExecutorError('workspaceLost', 'workspaceLost', why, '')
  }
}
