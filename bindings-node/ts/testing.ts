// Tests of an embedder's own pipelines, for vitest, node:test and the like: no step is really started, and a day passes in a
// moment. Scripts, time and assertions are the core's.

import type { AnyAction } from './action.js'
import type { Duration, PipelineDocument } from './document.js'
import type { Event, RunStatus, RunSummary, TaskStatus } from './events.js'
import type { Executor, SimpleExecutor, StepEnd } from './executor.js'
import { actionPlugin, executorPlugin } from './host.js'
import { encode } from './json.js'
import { call, callNow, type NativeClock, type NativeScripted, type NativeTestOutcome, native } from './native.js'
import type { StartOptions, Who } from './options.js'
import { definitionText, type Pipeline } from './pipeline.js'
import { scriptedBrand, virtualClockBrand } from './stand-in.js'

type End =
  | { ends: StepEnd }
  | 'hangs'
  | 'lost'
  | { infrastructure: { message: string } }
  | { badStep: { code: string; message: string } }
type Doing =
  | { after: Duration }
  | { log: string }
  | { logText: string }
  | { output: { key: string; value: string } }
  | { file: { path: string; content: string } }
  | { waiting: { code: string; message: string; length: Duration } }
  | 'ignoresSignal'

/** What a step does, told from its start on: each call adds to what came before, and gives a new script. */
export class Script {
  readonly #end: End
  readonly #does: readonly Doing[]

  private constructor(end: End, does: readonly Doing[] = []) {
    this.#end = end
    this.#does = does
  }

  /** Ends with exit code 0. */
  static succeeds(): Script {
    return new Script({ ends: { code: 0 } })
  }

  /** Ends with this exit code. */
  static fails(code = 1): Script {
    return new Script({ ends: { code } })
  }

  /** Ends in this way: by a signal, out of memory. */
  static ends(end: StepEnd): Script {
    return new Script({ ends: end })
  }

  /** Takes its start token, and at the end nobody knows what became of it. */
  static lost(): Script {
    return new Script('lost')
  }

  /** The executor fails with this message. */
  static infrastructure(message: string): Script {
    return new Script({ infrastructure: { message } })
  }

  /** The step cannot be started as it is described, such as with an image that does not exist. */
  static badStep(code: string, message: string): Script {
    return new Script({ badStep: { code, message } })
  }

  /** Goes on until it is stopped. */
  static hangs(): Script {
    return new Script('hangs')
  }

  /** Works so long. */
  after(length: Duration): Script {
    return this.#and({ after: length })
  }

  /** Prints a line. */
  log(line: string): Script {
    return this.#and({ log: line })
  }

  /** Prints this text, without a line end. */
  logText(text: string): Script {
    return this.#and({ logText: text })
  }

  /** Writes `KEY=value` to `$WINDLASS_OUTPUT`. */
  output(key: string, value: string): Script {
    return this.#and({ output: { key, value } })
  }

  /** Leaves a file in the workspace: for artifacts, caches and reports, and for actions and tasks after it. */
  file(path: string, content: string): Script {
    return this.#and({ file: { path, content } })
  }

  /** Waits so long for something that is not there: `unschedulable`, `pullingImage`. */
  waiting(code: string, message: string, length: Duration): Script {
    return this.#and({ waiting: { code, message, length } })
  }

  /** Does not end on the signal of a stop, only on the kill after the grace. */
  ignoresSignal(): Script {
    return this.#and('ignoresSignal')
  }

  #and(doing: Doing): Script {
    return new Script(this.#end, [...this.#does, doing])
  }

  /** What the core reads. */
  toJSON(): unknown {
    return { end: this.#end, does: this.#does }
  }
}

/** A step or an action that was started, with all variables replaced. */
export interface StepCall {
  task: string
  attempt: number
  /** The key of its action, such as `script` or `deployManifests`. */
  action: string
  /** What the action was given, as in the document; null for a script. */
  settings: unknown
  /** The text of the script; null for another action. */
  script: string | null
  env: Record<string, string>
  image: string | null
}

/** An artifact that a task left. */
export interface TestArtifact {
  task: string
  name: string
  /** Its files with their content, by path. What is no text is shown as �. */
  files: Record<string, string>
}

/**
 * A test of a pipeline: what its steps do is scripted, persons answer as the test says, and time is virtual. Steps without a
 * script succeed at once; actions are scripted like steps. Conditions, retries, timeouts, outputs, variables and `finally` are
 * the engine's own.
 */
export class PipelineTest {
  readonly #definition: string
  #start: StartOptions = {}
  readonly #tasks: Record<string, Script[]> = {}
  readonly #answers: Record<string, unknown> = {}
  readonly #cancels: Duration[] = []
  readonly #actions: Record<string, AnyAction> = {}
  #strict = false

  constructor(pipeline: Pipeline | PipelineDocument) {
    this.#definition = definitionText(pipeline)
  }

  /** What the run is started with. It replaces what was given before. */
  request(options: StartOptions): this {
    this.#start = options
    return this
  }

  /** Gives a dynamic parameter its value. */
  parameter(name: string, value: string): this {
    this.#start = { ...this.#start, parameters: { ...this.#start.parameters, [name]: value } }
    return this
  }

  /** Says what the attempts at a task do, one after another; the last script is for all further ones. */
  task(name: string, ...scripts: Script[]): this {
    this.#tasks[name] = scripts
    return this
  }

  /** Somebody says yes to an approval, at once or so long after it was asked for. */
  approve(task: string, who: Who & { after?: Duration } = {}): this {
    this.#answers[task] = { ...who, approve: true }
    return this
  }

  /** Somebody says no to an approval. */
  reject(task: string, who: Who & { after?: Duration } = {}): this {
    this.#answers[task] = { ...who, approve: false }
    return this
  }

  /** Somebody cancels the run so long after its start. A second time ends `finally` as well. */
  cancelAfter(length: Duration): this {
    this.#cancels.push(length)
    return this
  }

  /** Registers an action: tasks without a script run it really. */
  action(name: string, action: AnyAction): this {
    this.#actions[name] = action
    return this
  }

  /** Lets the test fail when a step or action starts that has no script. */
  strict(): this {
    this.#strict = true
    return this
  }

  /** Runs the pipeline to its end. */
  async run(): Promise<TestOutcome> {
    const options = {
      start: this.#start,
      tasks: this.#tasks,
      answers: this.#answers,
      cancels: this.#cancels,
      strict: this.#strict,
    }
    const plugins = Object.entries(this.#actions).map(([name, action]) => actionPlugin(name, action))
    return new TestOutcome(
      await call(
        native.runPipelineTest(this.#definition, JSON.stringify(JSON.parse(JSON.stringify(options))), plugins),
      ),
    )
  }
}

/** What came of a test's run. The assertions throw with what happened instead. */
export class TestOutcome {
  readonly #native: NativeTestOutcome
  /** The run and its tasks. */
  readonly summary: RunSummary
  /** All events of the run. */
  readonly events: readonly Event[]
  /** The steps and actions that were started, in their order. Approvals are none. */
  readonly calls: readonly StepCall[]
  /** The artifacts that were stored, in the order of their tasks. */
  readonly artifacts: readonly TestArtifact[]

  /** @internal */
  constructor(outcome: NativeTestOutcome) {
    this.#native = outcome
    const all = JSON.parse(callNow(() => outcome.all()))
    this.summary = all.summary
    this.events = all.events
    this.calls = all.calls
    this.artifacts = all.artifacts
  }

  /** From the start of the run to its end, in virtual milliseconds. */
  get tookMs(): number {
    return this.summary.durationMs ?? 0
  }

  /** What the newest attempt at a task printed. */
  log(task: string): string {
    return callNow(() => this.#native.log(task))
  }

  assertSucceeded(): this {
    return this.assertStatus('succeeded')
  }

  assertFailed(): this {
    return this.assertStatus('failed')
  }

  assertCancelled(): this {
    return this.assertStatus('cancelled')
  }

  assertTimedOut(): this {
    return this.assertStatus('timedOut')
  }

  /** The run ended so. */
  assertStatus(status: RunStatus): this {
    return this.#expects({ status })
  }

  /** The task succeeded; all instances, if it has a matrix. */
  assertRan(task: string): this {
    return this.#expects({ ran: task })
  }

  /** The task was skipped; all instances, if it has a matrix. */
  assertSkipped(task: string): this {
    return this.#expects({ skipped: task })
  }

  /** The tasks ran one after another. */
  assertOrder(...tasks: string[]): this {
    return this.#expects({ order: tasks })
  }

  /** The tasks ran side by side. */
  assertSideBySide(...tasks: string[]): this {
    return this.#expects({ sideBySide: tasks })
  }

  /** Goes on with a task, or with all instances of its matrix. */
  assertTask(name: string): TaskAssert {
    return new TaskAssert((expects) => this.#expects({ task: { name, expects } }))
  }

  #expects(expectation: unknown): this {
    callNow(() => this.#native.expects(encode(expectation, 'expect')))
    return this
  }
}

/** Assertions about a task. */
export class TaskAssert {
  readonly #expects: (expectation: unknown) => void

  /** @internal */
  constructor(expects: (expectation: unknown) => void) {
    this.#expects = expects
  }

  /** It ended so. */
  ended(status: TaskStatus): this {
    return this.#and({ ended: status })
  }

  /** It failed, and the cause has this code. */
  failedWith(code: string): this {
    return this.#and({ failedWith: code })
  }

  /** So many attempts at it were started. */
  attempts(attempts: number): this {
    return this.#and({ attempts })
  }

  /** Its newest attempt got this variable. */
  env(variable: string, value: string): this {
    return this.#and({ env: { variable, value } })
  }

  /** It wrote this to `$WINDLASS_OUTPUT`. */
  output(key: string, value: string): this {
    return this.#and({ output: { key, value } })
  }

  /** Its newest attempt printed this somewhere. */
  printed(text: string): this {
    return this.#and({ printed: text })
  }

  #and(expectation: unknown): this {
    this.#expects(expectation)
    return this
  }
}

/** A clock that moves only by {@link VirtualClock.advance}: give it to `Engine.open` as `clock`. */
export class VirtualClock {
  readonly #native: NativeClock = new native.NativeClock()

  /** The milliseconds that have passed on it. */
  get elapsedMs(): number {
    return this.#native.elapsedMs
  }

  /** Lets time pass. Each deadline on the way is reached in its order. */
  async advance(length: Duration): Promise<void> {
    await call(this.#native.advance(JSON.stringify(length)))
  }

  /** Waits until at least so many sleep: the way to know that what is tested has come to its deadline. */
  async untilSleepers(count: number): Promise<void> {
    await call(this.#native.untilSleepers(count))
  }

  /** @internal */
  get [virtualClockBrand](): number {
    return this.#native.number
  }
}

/** An executor whose steps do what a test says. A step without a script succeeds at once. Give it to `Engine.open`. */
export class ScriptedExecutor {
  readonly #native: NativeScripted
  /** Its time. */
  readonly clock: VirtualClock

  constructor(clock: VirtualClock, tasks: Record<string, Script | Script[]> = {}) {
    this.clock = clock
    const lists = Object.entries(tasks).map(([name, scripts]) => [name, [scripts].flat()])
    const options = { clock: clock[virtualClockBrand], tasks: Object.fromEntries(lists) }
    this.#native = callNow(() => native.scriptedExecutor(JSON.stringify(options)))
  }

  /** How many steps of a task were really started. */
  started(task: string): number {
    return this.#native.started(task)
  }

  /** The most steps that ever went on at the same moment. */
  get peak(): number {
    return this.#native.peak()
  }

  /** @internal */
  get [scriptedBrand](): number {
    return this.#native.number
  }
}

/** The cases of the conformance suite of executors: the contract, sentence by sentence. */
export function executorConformanceCases(): string[] {
  return native.executorConformanceCases()
}

/**
 * Runs a case of the conformance suite over an executor, and throws with what broke the contract. A simple executor works in
 * `folder`, which must be empty; `keepsWorkspaces` says whether `keep` keeps them.
 */
export async function runExecutorConformance(
  name: string,
  executor: SimpleExecutor | Executor,
  options: { folder: string; keepsWorkspaces: boolean },
): Promise<void> {
  const suite = callNow(() =>
    native.executorConformance(executorPlugin('conformance', executor), options.folder, options.keepsWorkspaces),
  )
  await call(suite.case(name))
}
