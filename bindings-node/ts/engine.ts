import type { AnyAction } from './action.js'
import { Clusters } from './clusters.js'
import type { CredentialTest, SecretProvider, TargetKind } from './credential.js'
import { Credentials } from './credentials.js'
import type { PipelineDocument } from './document.js'
import type { Audited, EngineEvent, LogPage, RunListing } from './events.js'
import type { Capabilities, Executor, SimpleExecutor } from './executor.js'
import type { KnownExecutor } from './executors.js'
import { actionPlugin, credentialTestPlugin, executorPlugin, secretsPlugin } from './host.js'
import { encode } from './json.js'
import { ask, call, callJson, callNow, type NativeEngine, native } from './native.js'
import type {
  AuditFilter,
  EngineOptions,
  EventFilter,
  RunFilter,
  SearchOptions,
  ShutdownOptions,
  StartOptions,
  Who,
} from './options.js'
import { definitionText, type Pipeline } from './pipeline.js'
import { Pipelines } from './pipelines.js'
import { Registries } from './registries.js'
import { Run } from './run.js'
import { Sources } from './sources.js'
import { type EventSourceOptions, lastEventId, serverSentEvents } from './sse.js'
import { type ClockStandIn, type ScriptedStandIn, virtualClockBrand } from './stand-in.js'
import { events, type FollowOptions } from './stream.js'

/** How an engine is opened, with what the program brings. */
export interface OpenOptions extends EngineOptions {
  /**
   * Executors by their names: the program's own, and those that come with Windlass (`localExecutor()`, `dockerExecutor()`,
   * `kubernetesExecutor()`). The first one is the default. Without any, `local` and `docker` are there, and each cluster that the
   * engine keeps, by its name.
   */
  executors?: Record<string, SimpleExecutor | Executor | KnownExecutor | ScriptedStandIn>
  /** Actions of the program's own: tasks use them as `custom: {name, with}`. */
  actions?: Record<string, AnyAction>
  /** Where credentials are looked for, in this order. */
  secrets?: SecretProvider[]
  /** How credentials are tried on targets of a kind, in the place of what comes with Windlass. */
  credentialTests?: Partial<Record<TargetKind, CredentialTest>>
  /** Another clock than the machine's: a `VirtualClock` of `windlass/testing`. */
  clock?: ClockStandIn
}

/** A backup that was made. */
export interface BackupReport {
  path: string
  bytes: number
  runs: number
  /** Missing when they are kept outside of the data directory, and so are not in it. */
  artifacts?: number
  /** What was committed up to this position is in it, and nothing else. */
  position: number
}

/** What became of the runs that went on. */
export interface DrainReport {
  /** Those that are over. */
  finished: string[]
  /** Those that go on: the next engine takes them up. */
  leftRunning: string[]
}

/**
 * An engine on a data directory. An open engine alone keeps no process alive; what is waited for does. When the process ends
 * without {@link Engine.close}, steps of executors that can go on do so, and the next engine takes them up.
 */
export class Engine {
  readonly #native: NativeEngine
  /** The stored pipelines. */
  readonly pipelines: Pipelines
  /** The credentials that it keeps. */
  readonly credentials: Credentials
  /** The Kubernetes clusters that it knows by name. */
  readonly clusters: Clusters
  /** The git repositories from which it fetches. */
  readonly sources: Sources
  /** The registries of images that it reaches. */
  readonly registries: Registries

  private constructor(engine: NativeEngine) {
    this.#native = engine
    this.pipelines = new Pipelines(engine.pipelines())
    this.credentials = new Credentials(engine.credentials())
    this.clusters = new Clusters(engine.clusters())
    this.sources = new Sources(engine.sources())
    this.registries = new Registries(engine.registries())
  }

  /** Opens an engine, and takes up every run that an earlier one left unfinished. */
  static async open(options: OpenOptions = {}): Promise<Engine> {
    const { executors, actions, secrets, credentialTests, clock, ...rest } = options
    const plugins = [
      ...Object.entries(executors ?? {}).map(([name, executor]) => executorPlugin(name, executor)),
      ...Object.entries(actions ?? {}).map(([name, action]) => actionPlugin(name, action)),
      ...(secrets ?? []).map((provider) => secretsPlugin(provider)),
      ...Object.entries(credentialTests ?? {}).map(([kind, test]) => credentialTestPlugin(kind, test)),
    ]
    return new Engine(await call(native.openEngine(encode(rest, 'open'), plugins, clock?.[virtualClockBrand])))
  }

  /** The ids of the runs that an earlier engine left unfinished and that this one took up, oldest first. */
  get recovered(): string[] {
    return callNow(() => this.#native.recovered())
  }

  /** Starts a run of a definition. Resolves when the run is durable; it goes on by itself from there. */
  async start(pipeline: Pipeline | PipelineDocument, options: StartOptions = {}): Promise<Run> {
    return new Run(await call(this.#native.start(definitionText(pipeline), encode(options, 'start'))))
  }

  /** The run that a person means: an id, the beginning of one, `PIPELINE#NUMBER`, `PIPELINE#latest`, or `latest`. */
  async find(name: string): Promise<Run> {
    return new Run(await call(this.#native.find(encode({ name }, 'find'))))
  }

  /** The same as {@link find}. */
  run(name: string): Promise<Run> {
    return this.find(name)
  }

  /** Runs, newest first; 50 unless the filter says otherwise. For the page after, give the last run's id as `before`. */
  async runs(filter: RunFilter = {}): Promise<RunListing[]> {
    return ask(this.#native, 'runs', filter)
  }

  /** What an executor can do; null when there is none of this name. */
  async capabilities(executor: string): Promise<Capabilities | null> {
    return ask(this.#native, 'capabilities', { name: executor })
  }

  /** Everything that happened in all runs and pipelines, from the first event on or after a position, and what happens from now on. */
  events(
    options: { after?: number; filter?: EventFilter } & FollowOptions = {},
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal, filter, ...after } = options
    return events<EngineEvent>(() => this.#native.events(encode(after, 'events'), encode(filter, 'events')), signal)
  }

  /** The same as server-sent events; a browser goes on by `Last-Event-ID`. */
  eventSource(
    options: {
      lastEventId?: string | string[] | number | null | undefined
      filter?: EventFilter
    } & EventSourceOptions = {},
  ): ReadableStream<Uint8Array> {
    const { lastEventId: id, filter, ...rest } = options
    const follow: FollowOptions = rest.signal === undefined ? {} : { signal: rest.signal }
    const source = this.events({
      after: lastEventId(id),
      ...(filter === undefined ? {} : { filter }),
      ...follow,
    })
    return serverSentEvents(source, (event) => event.position, rest)
  }

  /** The position of what was committed last. Events after it are those that are still to come. */
  newest(): Promise<number> {
    return ask(this.#native, 'newest', {})
  }

  /** Searches the logs of runs, newest first. `runs.limit` bounds how many runs are looked at for one page. */
  async search(options: SearchOptions, runs: RunFilter = {}): Promise<LogPage> {
    return callJson(this.#native.search(encode(runs, 'search'), encode(options, 'search')))
  }

  /** Who changed what, newest first. */
  async audit(filter: AuditFilter = {}): Promise<Audited[]> {
    return ask(this.#native, 'audit', filter)
  }

  /** Deletes what the retention policy no longer keeps; gives the ids. */
  prune(): Promise<string[]> {
    return ask(this.#native, 'prune', {})
  }

  /** Copies everything, while everything goes on, into a folder that is itself a data directory. */
  async backup(path: string, who: Pick<Who, 'by'> = {}): Promise<BackupReport> {
    return ask(this.#native, 'backup', { ...who, path })
  }

  /** Lets no further run go, and waits until those that were let go are over, or until the limit has passed. */
  async drain(options: { limit?: string } = {}): Promise<DrainReport> {
    return ask(this.#native, 'drain', options)
  }

  /** Ends the engine as asked, and closes it. */
  async shutdown(how: ShutdownOptions): Promise<DrainReport> {
    return ask(this.#native, 'shutdown', how)
  }

  /** Closes the engine. Steps go on; the next engine on the data directory takes them up. */
  async close(): Promise<void> {
    await call(this.#native.close())
  }

  /** `await using` closes the engine at the end of its block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
