// Options of calls. Nothing has a default here: what is left out is decided by the core, and said in the comments.

import type { Credential } from './credential.js'
import type { Duration } from './document.js'
import type { LogCursor, RunStatus } from './events.js'
import type { ImageOptions } from './executors.js'

/** How an engine is opened, beside its executors and actions. */
export interface EngineOptions {
  /** The folder that holds everything. `.windlass` unless set; made when it is missing. One engine at a time. */
  dataDir?: string
  /** The executor of runs and pipelines that name none. The first one that is given unless set. */
  defaultExecutor?: string
  /** Variables of this process that steps of the built-in `local` executor get beside `PATH` and `HOME`. Never secrets. */
  passEnv?: string[]
  /** How many tasks run at once, over all runs. Twice the processors unless set, and at least 4. */
  maxTasks?: number
  /** How many runs go at once. 64 unless set. */
  maxRuns?: number
  /** How many runs of one pipeline go at once. As many as go at all unless set. */
  maxRunsPerPipeline?: number
  /** How many bytes the log of an attempt may have. 1 GiB unless set. */
  maxLogBytes?: number
  /** Deletes finished runs. Nothing is deleted unless set. */
  retention?: { runsPerPipeline?: number; age?: Duration }
  /** Where caches and artifacts are kept. In the data directory unless set. */
  blobs?: { folder: string } | { s3: S3Options }
  /** How much of caches and artifacts is kept. */
  keeping?: KeepingOptions
  /** Where the master key comes from that seals credentials. The file `master.key` of the data directory unless set. */
  masterKey?: { file: string } | { environment: string }
  /** Where `buildImage` builds images. The Docker engine of the environment unless set. */
  images?: ImageOptions
  /** The portal's address, from which `BUILD_URL` is made: `BASE/runs/RUN_ID`. */
  baseUrl?: string
  /** Whether other processes of this user can control the engine, as the `windlass` command does. They can unless this says otherwise. */
  control?: boolean
}

/** A bucket of S3, or of a service that speaks its language. */
export interface S3Options {
  bucket: string
  /** `us-east-1` unless set. */
  region?: string
  /** The address of a service other than AWS. */
  endpoint?: string
  accessKey: string
  secretKey: string
  sessionToken?: string
  /** Below which names everything is kept. Every engine needs a prefix or a bucket of its own. */
  prefix?: string
  /** Certificates in PEM of authorities that are trusted beside those of the machine. */
  authorities?: string
  /** How long a request is sent again while the service does not answer. Three minutes unless set. */
  patience?: Duration
}

/** How much of caches and artifacts is kept, and how much one of them may hold. */
export interface KeepingOptions {
  /** All caches together, in bytes as they are stored. 10 GiB unless set. */
  cacheBytes?: number
  /** How long artifacts are kept that do not say it themselves; as long as their run unless set. */
  keepArtifacts?: Duration
  /** The branches whose caches runs of all other branches may read as well. `main` and `master` unless set. */
  defaultBranches?: string[]
  /** What one cache may hold. */
  cache?: ArchiveLimits
  /** What one artifact may hold. */
  artifact?: ArchiveLimits
}

/** How much an archive may hold. */
export interface ArchiveLimits {
  /** Files, folders and links. 500,000 unless set. */
  entries?: number
  /** The sizes of all files together. 8 GiB unless set. */
  bytes?: number
  /** How many bytes may come out of one byte of the archive. 200 unless set. */
  ratio?: number
}

/** What a run is started with. */
export interface StartOptions {
  /** What starts it: `manual` unless set; `schedule`, `push`, `merge`, `tag`, `api` … */
  trigger?: string
  /** The values of dynamic parameters. */
  parameters?: Record<string, string>
  /** Who starts it, as an opaque name of the portal. */
  actor?: string
  /** The commit for which it runs, as far as it is known. */
  commit?: CommitInfo
  /** Runs the steps on this executor, whatever the pipeline says. */
  executor?: string
  /** Puts the files of a folder into the workspace at the start; what git ignores stays out. */
  source?: string
  /** Runs with a higher priority leave the queue first. 0 when unset. */
  priority?: number
  /** Whether what it builds comes from a fork, as the merge requests of strangers do: it reads caches, and leaves none. */
  fork?: boolean
  /** Credentials for this run alone, by the names that its tasks know. They are gone when it has ended. */
  secrets?: Record<string, Credential>
  /** The W3C trace context of what asks for the run. */
  traceparent?: string
}

/** A commit, as far as it is known. */
export interface CommitInfo {
  sha?: string
  branch?: string
  tag?: string
  message?: string
  author?: string
  /** Where the repository is, without any password. */
  repository?: string
}

/** Which runs a listing shows. Newest first. */
export interface RunFilter {
  /** Only runs of this pipeline. */
  pipeline?: string
  /** Only runs in one of these states; all when empty. */
  status?: RunStatus[]
  /** Only runs that this started: `manual`, `schedule`, … */
  trigger?: string
  /** Only runs that this actor started. */
  actor?: string
  /** Only runs that were made at this moment or later, in RFC 3339. */
  since?: string
  /** Only runs that were made before this moment. */
  until?: string
  /** Only runs older than this one: the last of the page before. */
  before?: string
  /** At most so many. 0 stands for 50. */
  limit?: number
}

/** Which events of an engine come. Everything but pieces of log unless set. */
export interface EventFilter {
  /** Only what is about these pipelines or their runs; all when empty. */
  pipelines?: string[]
  /** Only what is about this run. */
  run?: string
  /** Only events and changes with one of these words in `type`; all when empty. */
  types?: string[]
  /** Whether pieces of log come as well. */
  logs?: boolean
  /** Whether changes that somebody made come. They do unless this says otherwise. */
  changes?: boolean
}

/** Which entries of the audit trail are listed. Newest first. */
export interface AuditFilter {
  by?: string
  pipeline?: string
  run?: string
  /** Only entries before this position: the last one of the page before. */
  before?: number
  /** At most so many. 0 stands for 50. */
  limit?: number
}

/** Which pipelines a listing shows. In the order of their names. */
export interface PipelineFilter {
  /** Only active ones, or only others. */
  active?: boolean
  /** Only names after this one: the last of the page before. */
  after?: string
  /** At most so many. 0 stands for 50. */
  limit?: number
}

/** What is looked for in logs. */
export interface SearchOptions {
  /** What is looked for. */
  pattern: string
  /** Whether it is a regular expression. */
  regex?: boolean
  /** Whether capitals make no difference. */
  ignoreCase?: boolean
  /** Only logs of this task. */
  task?: string
  /** Finds at most so many lines at once. 100 unless set. */
  limit?: number
  /** Goes on after a place. */
  after?: LogCursor
}

/** How a run is run again. */
export type RerunMode = 'asItWas' | 'asItIs' | 'fromFailed' | { fromTask: string }

/** How an engine ends. */
export type ShutdownOptions =
  | 'leaveRunning'
  | { drain: { limit?: Duration } }
  | { cancel: { by?: string; reason?: string } }

/** How a pipeline is deleted. Only when nothing of it is running, and its runs stay, unless set. */
export interface PipelineDeletion {
  /** What happens to runs that have not ended. */
  running?: 'refuse' | 'cancel'
  /** What happens to runs that have ended. */
  runs?: 'keep' | 'delete'
}

/** Who does it and why. */
export interface Who {
  /** An opaque name of the portal's; it stands in the audit trail. */
  by?: string
  reason?: string
}
