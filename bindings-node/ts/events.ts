// Events and summaries, as the core writes them. Times are RFC 3339 in UTC.

import type { Annotation, RestoredCache, StoredArtifact, TestSummary } from './artifacts.js'
import type { Credential } from './credential.js'
import type { CommitInfo } from './options.js'

/** Where a run is. */
export type RunStatus = 'queued' | 'running' | RunEnd
/** How a run ended. */
export type RunEnd = 'succeeded' | 'failed' | 'cancelled' | 'timedOut'
/** Where a task is. */
export type TaskStatus = 'pending' | 'waiting' | 'running' | TaskEnd
/** How a task ended. */
export type TaskEnd = 'succeeded' | 'failed' | 'skipped' | 'cancelled' | 'timedOut' | 'lost'
/** How an attempt ended. */
export type AttemptState = 'succeeded' | 'failed' | 'cancelled' | 'timedOut' | 'lost'

/** Why something did not succeed. */
export interface Cause {
  /** A stable camelCase word, such as `exitCode`, `commandNotFound` or `imageNotFound`. */
  code: string
  /** What failed and why. */
  message: string
  /** What to do next; may be empty. */
  advice: string
}

/** Why a task waits. */
export interface WaitReason {
  /** `slot`, `approval`, `backoff`, or a word of the executor such as `unschedulable` or `pullingImage`. */
  code: string
  message: string
}

/** What happened, and what belongs to it. */
export type Happening =
  | { type: 'runQueued'; pipeline: string; number: number }
  | { type: 'taskReused'; task: string; from: string; state: TaskEnd }
  | { type: 'commitFound'; task: string; commit: CommitInfo }
  | { type: 'runStarted' }
  | { type: 'workspaceLost'; cause: Cause }
  | { type: 'taskWaiting'; task: string; reason: WaitReason }
  | { type: 'taskRunning'; task: string; attempt: number }
  | { type: 'taskStarted'; stage: string | null; task: string }
  | { type: 'attemptStarted'; task: string; attempt: number }
  | LogHappening
  | { type: 'logTruncated'; task: string; attempt: number; limit: number }
  | { type: 'cachesRestored'; task: string; attempt: number; caches: RestoredCache[] }
  | { type: 'testsReported'; task: string; attempt: number; tests: TestSummary }
  | { type: 'annotationsReported'; task: string; attempt: number; annotations: Annotation[]; more: number }
  | { type: 'artifactStored'; task: string; attempt: number; artifact: StoredArtifact }
  | { type: 'attemptStopping'; task: string; attempt: number; cause: Cause }
  | {
      type: 'attemptFinished'
      task: string
      attempt: number
      state: AttemptState
      exitCode: number | null
      cause: Cause | null
      outputs: Record<string, string>
    }
  | { type: 'approvalRequested'; task: string; message: string; approvers: string[] }
  | { type: 'approvalDecided'; task: string; decision: 'approved' | 'rejected'; by: string; reason: string }
  | { type: 'cancelRequested'; by: string; reason: string }
  | { type: 'runTimedOut' }
  | { type: 'finallyStarted' }
  | { type: 'finallyTimedOut' }
  | { type: 'engineRecovered' }
  | {
      type: 'taskFinished'
      task: string
      state: TaskEnd
      exitCode: number | null
      cause: Cause | null
      durationMs: number
    }
  | { type: 'runFinished'; state: RunEnd; durationMs: number; cause: Cause | null }

/** A piece of an attempt's log. Pieces come in order, without gaps, never twice; they may end within a line. */
export interface LogHappening {
  type: 'log'
  task: string
  attempt: number
  /** Where it begins in the stored log, in bytes. */
  offset: number
  /** The text; missing when the bytes are none. */
  text?: string
  /** The bytes in base64 when they are no text. */
  textBase64?: string
}

/** One fact about a run, numbered within it. */
export type Event = {
  /** The run. */
  run: string
  /** Its number in the run. Keep that of the newest one that was dealt with, to go on from there. */
  seq: number
  /** When it was decided. */
  time: string
} & Happening

/** A change that somebody made. */
export type Change =
  | { type: 'pipelineCreated'; pipeline: string; version: number; copiedFrom?: string }
  | { type: 'pipelineUpdated'; pipeline: string; version: number }
  | { type: 'pipelineActivated'; pipeline: string }
  | { type: 'pipelineDeactivated'; pipeline: string }
  | { type: 'pipelineDeleted'; pipeline: string; version: number }
  | { type: 'runRequested'; run: string; pipeline: string; number: number; rerunOf?: string }
  | { type: 'runCancelled'; run: string; pipeline: string; reason: string }
  | {
      type: 'approvalDecided'
      run: string
      pipeline: string
      task: string
      decision: 'approved' | 'rejected'
      reason: string
    }
  | { type: 'runDeleted'; run: string; pipeline: string; number: number; reason: string }
  | { type: 'clusterAdded'; cluster: string; server: string }
  | { type: 'clusterRemoved'; cluster: string; usedBy: string[] }
  | { type: 'backupMade'; path: string }
  | { type: 'credentialSet'; credential: string; kind: Credential['kind'] }
  | { type: 'credentialRemoved'; credential: string }
  | { type: 'masterKeyRotated'; key: string; credentials: number }

/** A change with its place in the order of everything, and who made it. */
export type Audited = { position: number; time: string; by: string; seq?: undefined } & Change

/** Something that happened in an engine, with its place in the order of everything. Events of runs have `seq`, changes do not. */
export type EngineEvent = ({ position: number; pipeline?: string } & Event) | Audited

/** A run as it is now; what {@link Run.wait} gives when it has ended. */
export interface RunSummary {
  id: string
  pipeline: string
  number: number
  /** The version of the stored pipeline that it runs; null when it was started with a definition of its own. */
  pipelineVersion: number | null
  status: RunStatus
  /** What started it: `manual`, `schedule`, … */
  trigger: string
  /** Who started it; may be empty. */
  actor: string
  /** The commit for which it runs, as far as it is known: from its trigger, or from its first checkout. What is not known is empty. */
  commit: Required<Omit<CommitInfo, 'repository'>> & Pick<CommitInfo, 'repository'>
  executor: string
  created: string
  started: string | null
  finished: string | null
  /** From the start to the end. */
  durationMs: number | null
  /** Why it did not succeed. */
  cause: Cause | null
  /** Its tasks, in the order of the plan. */
  tasks: TaskSummary[]
}

/** A task as it is now. */
export interface TaskSummary {
  /** Its name in the run, such as `unit` or `unit[PY=3.11]`. */
  task: string
  /** The stage; null in `finally`. */
  stage: string | null
  status: TaskStatus
  /** Whether the run goes on when it fails. */
  allowFailure: boolean
  /** How many attempts were started. */
  attempts: number
  /** Of the last attempt, where there was one. */
  exitCode: number | null
  /** Why it did not succeed, or why it was skipped. */
  cause: Cause | null
  /** What it waits for. */
  waiting: WaitReason | null
  /** What it wrote to `$WINDLASS_OUTPUT`. */
  outputs: Record<string, string>
  /** Where it was done, when an earlier run did it and this one did not do it again. */
  reused: { run: string; attempt: number } | null
  /** What the tests of its last attempt said, where it has reports. */
  tests: TestSummary | null
  /** Remarks about places in files that its last attempt left; at most 100. */
  annotations: Annotation[]
  /** The artifacts that it left. Of a task that was not done again, {@link Run.artifacts} has them. */
  artifacts: StoredArtifact[]
  started: string | null
  durationMs: number | null
}

/** A run in a listing. */
export interface RunListing {
  id: string
  pipeline: string
  number: number
  status: RunStatus
  trigger: string
  actor: string
  /** The run that it repeats. */
  rerunOf: string | null
  created: string
  started: string | null
  finished: string | null
  durationMs: number | null
}

/** A stretch of time in a timeline. */
export interface Span {
  start: string
  /** From the run's first event to where it began. */
  offsetMs: number
  /** How long it took; null while it goes on. */
  durationMs: number | null
}

/** Where the time of a run went. */
export interface Timeline {
  run: string | null
  pipeline: string
  number: number
  queued: string | null
  started: string | null
  finished: string | null
  state: RunEnd | null
  queuedMs: number | null
  durationMs: number | null
  lengthMs: number
  tasks: TaskTimeline[]
}

/** Where the time of a task went. */
export interface TaskTimeline {
  task: string
  stage: string | null
  waits: (Span & { reason: WaitReason; attempt: number | null })[]
  attempts: (Span & { attempt: number; state: AttemptState | null })[]
  finished: string | null
  state: TaskEnd | null
  reused: { run: string; attempt: number } | null
}

/** A line of a log that matches a search. */
export interface LogMatch {
  run: string
  task: string
  attempt: number
  /** The number of the line, counted from 1. */
  line: number
  /** Where the match begins in the stored log, in bytes. */
  offset: number
  /** How long it is, in bytes. */
  length: number
  /** When the line's first byte came, as far as that is known. */
  at: string | null
  /** The line, or as much of it as is near the match. */
  excerpt: string
  /** Where the match is in the excerpt, in bytes of UTF-8. */
  range: { start: number; end: number }
}

/** A place in the logs of runs, from which a search goes on. */
export interface LogCursor {
  run: string
  within: { task: string; attempt: number; offset: number } | null
}

/** Matches in the logs of many runs. */
export interface LogPage {
  matches: LogMatch[]
  /** Where the search goes on; null when all runs were looked at. */
  next: LogCursor | null
}
