import type { Credential } from './credential.js'

/** What is wrong with the settings of a task. */
export interface SettingsProblem {
  /** Where in the settings, such as `channels[0].name`. Empty for all of them. */
  path: string
  /** What is wrong, and what to do. */
  message: string
}

/** What an action has to work with. */
export interface ActionContext<Settings = Record<string, unknown>> {
  /** The settings of the task (`with`), with every variable replaced. */
  readonly settings: Settings
  /** The environment that a script of this task would get, without `WORKSPACE` and `WINDLASS_OUTPUT`. */
  readonly variables: Readonly<Record<string, string>>
  /** The run. */
  readonly run: string
  /** The number of the run in its pipeline. */
  readonly runNumber: number
  readonly pipeline: string
  /** The name of the task in the run, such as `notify` or `notify[ROOM=dev]`. */
  readonly task: string
  /** 1 for the first attempt. */
  readonly attempt: number
  /** A text for other systems, so that they do a thing once however often they are asked for this attempt. */
  readonly idempotencyKey: string
  /** Whether an earlier engine may have begun this attempt, and done any part of it. */
  readonly resumed: boolean
  /**
   * Aborted when the action shall end: the run was cancelled, the task took too long, or another one failed. Virtual time of a test
   * stands still while the action works, but for {@link sleep}; from the first look at the signal on it goes on, since the action may
   * wait for its end from there.
   */
  readonly signal: AbortSignal
  /** Adds a line to the log of the attempt; the line end is added when it is missing. Masked, bounded and followed as that of a step. */
  log(line: string): Promise<void>
  /** Adds bytes to the log as they are. */
  logBytes(bytes: Uint8Array): Promise<void>
  /** Waits by the engine's clock, which a test can drive. */
  sleep(milliseconds: number): Promise<void>
  /** The credential of this name, from where the engine keeps them or looks for them. Never log it. */
  credential(name: string): Promise<Credential>
  /** One file of the run's workspace, of at most `max` bytes. */
  readFile(path: string, max: number): Promise<Buffer>
  /** Writes one file of the run's workspace, over what was there. Folders on the way are made. */
  writeFile(path: string, content: string | Uint8Array): Promise<void>
  /** A file or folder of the workspace as a tar stream; `.` is the whole workspace. */
  read(path: string): AsyncGenerator<Buffer, void, undefined>
  /** Unpacks a tar archive below a folder of the workspace. */
  write(path: string, tar: Uint8Array): Promise<void>
}

/**
 * An action of one's own: tasks use it as `custom: {name, with}`. **It may be called more than once for one attempt**: when the
 * process ends in the middle of a call, the next engine makes it again, with `context.resumed`.
 */
export interface Action<Settings = Record<string, unknown>> {
  /** Whether a call that the end of the process cut off may be made again; otherwise the attempt is `lost`. It may unless set. */
  readonly repeatable?: boolean
  /** What is wrong with the settings of a task, asked before a run starts. Variables are not replaced yet. */
  check?(settings: unknown): SettingsProblem[]
  /**
   * Does the work of one attempt; gives what it hands to later tasks, by keys that the task declares as `outputs`. What it throws
   * fails the task, unless it is an {@link ActionError} that says something else.
   */
  run(context: ActionContext<Settings>): Promise<Record<string, string> | void>
}

/** An action with settings of any type. */
// biome-ignore lint/suspicious/noExplicitAny: each action has settings of its own, and the core gives it those of its tasks
export type AnyAction = Action<any>

/** Why an action did not succeed. */
export class ActionError extends Error {
  override readonly name = 'ActionError'
  private constructor(
    /** What kind of failure it is. */
    readonly kind: 'failed' | 'infrastructure' | 'cancelled',
    /** A stable code in camelCase. */
    readonly code: string,
    message: string,
    /** What to do next; may be empty. */
    readonly advice: string,
  ) {
    super(message)
  }

  /** It could not do what the pipeline asks: for the person who wrote that. */
  static failed(code: string, message: string, advice = ''): ActionError {
    return new ActionError('failed', code, message, advice)
  }

  /** Something else failed that another try may mend: the network, another system. */
  static infrastructure(code: string, message: string, advice = ''): ActionError {
    return new ActionError('infrastructure', code, message, advice)
  }

  /** It ends early because `context.signal` was aborted. */
  static cancelled(): ActionError {
    return new ActionError('cancelled', 'cancelled', 'the action was stopped', '')
  }
}
