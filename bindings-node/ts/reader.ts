import type { RunArtifact, TestReport } from './artifacts.js'
import type { StoredCluster } from './clusters.js'
import type { StoredCredential } from './credential.js'
import type { Audited, EngineEvent, Event, LogMatch, LogPage, RunListing, RunSummary } from './events.js'
import { encode } from './json.js'
import { ask, call, callNow, type NativeReader, native } from './native.js'
import type { AuditFilter, EventFilter, RunFilter, SearchOptions } from './options.js'
import type { LogOptions } from './run.js'
import { bytes, events, type FollowOptions } from './stream.js'

/**
 * Reads a data directory that somebody else may hold. Changes nothing. A run is named by its id, the beginning of one,
 * `PIPELINE#NUMBER`, `PIPELINE#latest` or `latest`. Streams end with what there is now.
 */
export class Reader {
  readonly #native: NativeReader

  private constructor(reader: NativeReader) {
    this.#native = reader
  }

  /** Opens a data directory for reading. */
  static open(dataDir: string): Reader {
    return new Reader(callNow(() => native.openReader(dataDir)))
  }

  /** The id of the run that a person means. */
  find(run: string): Promise<string> {
    return ask(this.#native, 'find', { run })
  }

  /** Runs, newest first; 50 unless the filter says otherwise. */
  runs(filter: RunFilter = {}): Promise<RunListing[]> {
    return ask(this.#native, 'runs', filter)
  }

  /** A run as listings show it. */
  listing(run: string): Promise<RunListing> {
    return ask(this.#native, 'listing', { run })
  }

  /** A run and its tasks as they are now. */
  summary(run: string): Promise<RunSummary> {
    return ask(this.#native, 'summary', { run })
  }

  /** The events of a run after a number, as far as there are any now. */
  runEvents(run: string, options: { after?: number } & FollowOptions = {}): AsyncGenerator<Event, void, undefined> {
    const { signal, ...after } = options
    return events<Event>(() => this.#native.runEvents(run, encode(after, 'follow')), signal)
  }

  /** What happened after a position in all runs and pipelines, as far as there is any now. */
  events(
    options: { after?: number; filter?: EventFilter } & FollowOptions = {},
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal, filter, ...after } = options
    return events<EngineEvent>(() => this.#native.events(encode(after, 'events'), encode(filter, 'events')), signal)
  }

  /** The artifacts of a run. Only those that are kept in the data directory can be fetched. */
  artifacts(run: string): Promise<RunArtifact[]> {
    return ask(this.#native, 'artifacts', { run })
  }

  /** The archive of an artifact, a gzipped tar, piece by piece. */
  artifact(
    run: string,
    name: string,
    options: { task?: string } & FollowOptions = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    const { signal, ...task } = options
    return bytes(() => this.#native.artifact(run, encode({ ...task, name }, 'artifact')), signal)
  }

  /** Unpacks an artifact below a folder. */
  async unpackArtifact(run: string, name: string, folder: string, options: { task?: string } = {}): Promise<void> {
    await ask(this.#native, 'unpackArtifact', { run, artifact: { ...options, name, folder } })
  }

  /** What the tests of a task said. Null when there was no report. */
  testReport(run: string, task: string): Promise<TestReport | null> {
    return ask(this.#native, 'testReport', { run, task })
  }

  /** A piece of a stored log; empty at the end of what there is. */
  log(run: string, task: string, options: Omit<LogOptions, 'signal'> & { max?: number } = {}): Promise<Buffer> {
    return call(this.#native.log(run, encode({ ...options, task }, 'log')))
  }

  /** The last lines of a stored log, at most 4 MiB. */
  tail(run: string, task: string, options: { attempt?: number; lines?: number } = {}): Promise<Buffer> {
    return call(this.#native.tail(run, encode({ ...options, task }, 'log')))
  }

  /** The logs of all attempts of a run as one text, each under a line that says whose it is. */
  download(
    run: string,
    options: { timestamps?: boolean } & FollowOptions = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    const { signal, ...rest } = options
    return bytes(() => this.#native.download(run, encode(rest, 'log')), signal)
  }

  /** Searches the logs of runs, newest first. `runs.limit` bounds how many runs are looked at for one page. */
  search(query: SearchOptions, runs: RunFilter = {}): Promise<LogPage> {
    return ask(this.#native, 'search', { query, runs })
  }

  /** Searches the logs of a run. Go on with `after` at the last match. */
  searchRun(run: string, query: SearchOptions): Promise<LogMatch[]> {
    return ask(this.#native, 'searchRun', { run, query }, 'search')
  }

  /** Who changed what, newest first. */
  audit(filter: AuditFilter = {}): Promise<Audited[]> {
    return ask(this.#native, 'audit', filter)
  }

  /** The position of what was committed last. */
  newest(): Promise<number> {
    return ask(this.#native, 'newest', {})
  }

  /** The credentials that engines on the data directory keep: all but their values. */
  credentials(): Promise<StoredCredential[]> {
    return ask(this.#native, 'credentials', {})
  }

  /** The clusters that engines on the data directory know. */
  clusters(): Promise<StoredCluster[]> {
    return ask(this.#native, 'clusters', {})
  }
}
