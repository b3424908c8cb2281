import type { RunArtifact, TestReport } from './artifacts.js'
import type { Event, LogMatch, RunStatus, RunSummary, Timeline } from './events.js'
import { encode } from './json.js'
import { ask, call, type NativeRun, native } from './native.js'
import type { RerunMode, SearchOptions, Who } from './options.js'
import { type EventSourceOptions, lastEventId, serverSentEvents } from './sse.js'
import { bytes, events, type FollowOptions } from './stream.js'

/** Which attempt's log, and from where. */
export interface LogOptions extends FollowOptions {
  /** The attempt; the newest one unless set. */
  attempt?: number
  /** The offset of the first byte. 0 unless set. */
  from?: number
}

/** A run of an engine. Letting it go changes nothing for the run. */
export class Run {
  readonly #native: NativeRun

  /** @internal */
  constructor(run: NativeRun) {
    this.#native = run
  }

  /** The unique id. */
  get id(): string {
    return this.#native.id
  }

  /** The number in its pipeline: 1, 2, 3 … */
  get number(): number {
    return this.#native.number
  }

  /** The pipeline's name. */
  get pipeline(): string {
    return this.#native.pipeline
  }

  /**
   * The events from the first one on, or after a number, and live ones as they come; ends when the run is over and everything
   * that it held is freed.
   */
  events(options: { after?: number } & FollowOptions = {}): AsyncGenerator<Event, void, undefined> {
    const { signal, ...after } = options
    return events<Event>(() => this.#native.events(encode(after, 'follow')), signal)
  }

  /**
   * The events as server-sent events, for the body of a response. `lastEventId` is what the browser sends in the header
   * `Last-Event-ID` when it connects again.
   */
  eventSource(
    options: { lastEventId?: string | string[] | number | null | undefined } & EventSourceOptions = {},
  ): ReadableStream<Uint8Array> {
    const follow: FollowOptions = options.signal === undefined ? {} : { signal: options.signal }
    const source = this.events({ after: lastEventId(options.lastEventId), ...follow })
    return serverSentEvents(source, (event) => event.seq, options)
  }

  /**
   * Waits until the run is over and everything that it held is freed. Aborting the signal gives up the wait (it throws the
   * signal's reason) and does nothing to the run: {@link cancel} does.
   */
  async wait(options: FollowOptions = {}): Promise<RunSummary> {
    const { signal } = options
    signal?.throwIfAborted()
    const wait = new native.NativeWait()
    const giveUp = () => wait.giveUp()
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      const summary = await call(this.#native.wait(wait))
      if (summary === null) throw signal?.reason
      return JSON.parse(summary) as RunSummary
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /** The run and its tasks as they are now. */
  summary(): Promise<RunSummary> {
    return ask(this.#native, 'summary', {})
  }

  /** Where the run is. */
  status(): Promise<RunStatus> {
    return ask(this.#native, 'status', {})
  }

  /** The run and its tasks as they were right after the event of this number; 0 stands for before the first one. */
  async at(seq: number): Promise<RunSummary> {
    return ask(this.#native, 'at', { seq })
  }

  /** Where the time of the run went so far. */
  timeline(): Promise<Timeline> {
    return ask(this.#native, 'timeline', {})
  }

  /**
   * Asks the run to end: steps get the signal, then the kill; `finally` runs. The second time ends `finally` as well. Resolves
   * when the wish is durable; {@link wait} tells when everything has ended.
   */
  async cancel(who: Who = {}): Promise<void> {
    await ask(this.#native, 'cancel', who)
  }

  /** Says yes to a task that waits for an approval. */
  async approve(task: string, who: Who = {}): Promise<void> {
    await ask(this.#native, 'approve', { ...who, task })
  }

  /** Says no to a task that waits for an approval: it fails. */
  async reject(task: string, who: Who = {}): Promise<void> {
    await ask(this.#native, 'reject', { ...who, task })
  }

  /** Runs it again: always a new run. */
  async retry(mode: RerunMode, who: Who = {}): Promise<Run> {
    return new Run(await call(this.#native.retry(encode(mode, 'retry'), encode(who, 'retry'))))
  }

  /** Deletes the run with all that belongs to it. */
  async delete(who: Who = {}): Promise<void> {
    await ask(this.#native, 'delete', who)
  }

  /** The stored log of a task's newest attempt, as text. For small logs; use {@link followLog} or {@link log} for big ones. */
  async logs(task: string): Promise<string> {
    return (await this.log(task)).toString('utf8')
  }

  /** The stored log of a task's attempt: from an offset on, at most `max` bytes; empty at the end. */
  async log(task: string, options: Omit<LogOptions, 'signal'> & { max?: number } = {}): Promise<Buffer> {
    return call(this.#native.log(encode({ ...options, task }, 'log')))
  }

  /** The last lines of a task's log, at most 4 MiB. */
  async tail(task: string, options: { attempt?: number; lines?: number } = {}): Promise<Buffer> {
    return call(this.#native.tail(encode({ ...options, task }, 'log')))
  }

  /** The stored log of a task's attempt from an offset on, as it grows, to the attempt's end. */
  followLog(task: string, options: LogOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    const { signal, ...place } = options
    return bytes(() => this.#native.followLog(encode({ ...place, task }, 'log')), signal)
  }

  /** The logs of all attempts as one text, each under a line that says whose it is. */
  download(options: { timestamps?: boolean } & FollowOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    const { signal, ...rest } = options
    return bytes(() => this.#native.download(encode(rest, 'log')), signal)
  }

  /** Searches the logs of the run. To go on, ask again with `after` at the last match; fewer than the limit are the last ones. */
  async search(options: SearchOptions): Promise<LogMatch[]> {
    return ask(this.#native, 'search', options)
  }

  /** The artifacts of the run, in the order of its tasks. */
  artifacts(): Promise<RunArtifact[]> {
    return ask(this.#native, 'artifacts', {})
  }

  /** The archive of an artifact, a gzipped tar, piece by piece. The task is needed where two left one of this name. */
  artifact(name: string, options: { task?: string } & FollowOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    const { signal, ...task } = options
    return bytes(() => this.#native.artifact(encode({ ...task, name }, 'artifact')), signal)
  }

  /** Unpacks an artifact below a folder, which is made when it is missing, after a look whether it is what was stored. */
  async unpackArtifact(name: string, folder: string, options: { task?: string } = {}): Promise<void> {
    await ask(this.#native, 'unpackArtifact', { ...options, name, folder })
  }

  /** What the tests of a task's newest attempt said, whole: up to 500 failed ones. Null when there was no report. */
  testReport(task: string): Promise<TestReport | null> {
    return ask(this.#native, 'testReport', { task })
  }
}
