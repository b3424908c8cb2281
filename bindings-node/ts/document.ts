// The document: what a person writes, as types. The keys are those of YAML and JSON. Names, defaults and limits are the core's.

import type { ContainerOptions, Service } from './container.js'
import type { Trigger } from './trigger.js'

/** A length of time: a number and a unit, such as `90s`, `10m`, `1h 30m` or `14days`. */
export type Duration = string
/** A text in which `$NAME`, `${NAME}`, `${NAME:-default}` and `${task.KEY}` are replaced; `$$` is a dollar sign. */
export type Template = string

/** A definition. */
export interface PipelineDocument {
  /** What the pipeline is called; runs are numbered under this name. */
  name: string
  /** A sentence for the people who see it in a list. */
  description?: string
  /** Values that every text of the definition can refer to. */
  parameters?: ParameterDocument[]
  /** The longest time in which at least one task is running. 14 days when unset. */
  timeout?: Duration
  /** How many runs of one group may go at once. */
  concurrency?: Concurrency
  /** Where the steps run; a run may override it. */
  executor?: string
  /** What starts a run beside a person. */
  triggers?: Trigger[]
  /** Environment of every task; a task's own `env` goes before it. */
  env?: Record<string, Template>
  /** How long the workspace of a failed run is kept. 24 hours when unset. */
  keepWorkspace?: Duration
  /** The stages, in the order in which they run. */
  stages: StageDocument[]
  /** Tasks that run at the end, whatever happened. */
  finally?: TaskDocument[]
  /** The time that all of `finally` may take together. 10 minutes when unset. */
  finallyTimeout?: Duration
}

/** A parameter: static with a `value`, or given per run when `dynamic`. */
export type ParameterDocument = StaticParameter | DynamicParameter

/** The same in every run. */
export interface StaticParameter {
  name: string
  value: string
  dynamic?: false
  description?: string
}

/** Given when a run is started. */
export interface DynamicParameter {
  name: string
  dynamic: true
  /** The value when none is given; without it the run must give one. */
  default?: string
  /** The only values that it may have. */
  choices?: string[]
  /** A sentence for the form in which a person fills it in. */
  description?: string
}

/** How many runs of one group may go at once, and what happens to one too many. */
export interface Concurrency {
  /** Runs whose group has the same text share the limit. */
  group: Template
  /** How many of them run at once. 1 when unset. */
  limit?: number
  /** What happens to a run for which there is no room. */
  onConflict?: 'queue' | 'cancelOlder' | 'reject'
}

/** An ordered part of a pipeline. */
export interface StageDocument {
  /** What the stage is called, unique in the pipeline. */
  name: string
  /** Whether its tasks run one after another or side by side. */
  order?: 'sequential' | 'parallel'
  /** A CEL expression; when it is false the whole stage is skipped. */
  when?: string
  /** Whether a failure stops what runs beside it in this stage. True when unset. */
  failFast?: boolean
  /** The tasks. A stage without tasks is passed at once. */
  tasks?: TaskDocument[]
}

/** What a task has beside its name and its action. */
export interface TaskOptions {
  /** The image in which its step runs, where the executor has images. */
  image?: Template
  /** The shell of its script, such as `bash -eo pipefail` or `python3`. */
  shell?: string
  /** Environment of the step, over that of the pipeline. */
  env?: Record<string, Template>
  /** The keys that it may write to `$WINDLASS_OUTPUT`. */
  outputs?: string[]
  /** An instance for each combination of these values. */
  matrix?: Record<string, string[]>
  /** A CEL expression; when it is false the task is skipped. */
  when?: string
  /** The tasks for which it waits, instead of what its place in the stages says. */
  needs?: string[]
  /** Whether the run goes on when it fails. */
  allowFailure?: boolean
  /** How often and after which ends it is tried again. */
  retry?: Retry
  /** The longest time one attempt may run. */
  timeout?: Duration
  /** How long a stopped step has between the signal and the kill. 10 seconds when unset. */
  grace?: Duration
  /** Where the step runs, instead of the pipeline's executor. */
  executor?: string
  /** Folders kept between runs. */
  caches?: Cache[]
  /** Files kept after the run. */
  artifacts?: Artifact[]
  /** Result files that are read into the run. */
  reports?: Reports
  /** What the step needs and may use. */
  resources?: Resources
  /** Credentials for the step, as variables or as files; in `buildImage`, to `RUN --mount=type=secret,id=NAME`. */
  secrets?: SecretVariable[]
  /** What its container has beside its image. */
  container?: ContainerOptions
  /** Containers beside the step, such as a database. */
  services?: Service[]
  /** Whether the step shares its container or pod with others of the run. */
  isolation?: 'run' | 'task'
  /** Whether the step sees the run's workspace. */
  workspace?: 'shared' | 'none'
}

/** The action of a task: exactly one. */
export type ActionDocument =
  | { script: string }
  | { checkout: Checkout }
  | { buildImage: BuildImage }
  | { deployManifests: DeployManifests }
  | { publishChart: PublishChart }
  | { deployChart: DeployChart }
  | { syncFiles: SyncFiles }
  | { runJob: RunJob }
  | { approve: Approve }
  | { custom: Custom }

/** One unit of work with exactly one action. */
export type TaskDocument = { name: string } & TaskOptions & ActionDocument

/** Brings a git repository into the workspace. */
export interface Checkout {
  /** Where the repository is: `https://…`, `ssh://…`, `git@host:path` or a local path. */
  url: Template
  /** The branch, tag or commit. The remote's default branch when unset. */
  ref?: Template
  /** The credential to fetch with. */
  credential?: string
  /** The folder in the workspace. The workspace itself when unset. */
  path?: Template
  /** How many commits of history. All when unset. */
  depth?: number
  /** Whether submodules are fetched as well. The credential is used for those at the same host only. */
  submodules?: boolean
  /** Certificates of authorities, in PEM, that are trusted beside the system's. */
  caCertificate?: Template
  /** Whether the host's certificate is looked at. True when unset. */
  verifyCertificate?: boolean
}

/** Builds a container image, and pushes it. */
export interface BuildImage {
  /** The image's name without a tag, such as `registry:5000/team/web`. */
  image: Template
  /** The folder whose files the build sees. The workspace when unset. */
  context?: Template
  /** The Dockerfile, relative to the context. `Dockerfile` when unset. */
  dockerfile?: Template
  /** The tags. `latest` when unset. */
  tags?: Template[]
  /** Build arguments. */
  args?: Record<string, Template>
  /** Labels of the image. */
  labels?: Record<string, Template>
  /** The stage of the Dockerfile to build. The last one when unset. */
  target?: Template
  /** An image in a file of the workspace that is published instead of one that is built: as `docker save` writes it. */
  archive?: Template
  /** The credential of the registry that the image is pushed to. */
  credential?: string
  /** The credentials of other registries, from which the build takes what it begins with. */
  pullCredentials?: string[]
  /** Whether the image is pushed. True when unset. */
  push?: boolean
  /** Whether every step of the Dockerfile is done again. */
  noCache?: boolean
  /** Whether the registry may be spoken to over plain HTTP. */
  insecure?: boolean
}

/** Applies Kubernetes manifests and waits for the rollout. */
export interface DeployManifests {
  /** Files and globs, relative to the workspace. */
  paths: Template[]
  /** The name of the cluster, as the embedder registered it. */
  cluster?: Template
  /** The namespace of objects that name none. */
  namespace?: Template
  /** Whether the namespace is made when it is missing. */
  createNamespace?: boolean
  /** A registry credential from which the pull secret is made when missing. */
  pullCredential?: string
  /** How long to wait for the rollout. 5 minutes when unset. */
  wait?: Duration
  /** Whether variables of the run are replaced in the files. True when unset. */
  substitute?: boolean
  /** Whether a failed rollout is undone. */
  rollback?: boolean
  /** Whether objects of earlier deployments that are no longer in the files are deleted. */
  prune?: boolean
  /** Whether the log only says what would change, as the cluster judges it, and nothing does. */
  dryRun?: boolean
}

/** Packages a Helm chart and pushes it. */
export interface PublishChart {
  /** The chart's folder, relative to the workspace. */
  path: Template
  /** The repository, `oci://…` or `https://…`. */
  repository: Template
  /** The chart's name, when it differs from `Chart.yaml`. */
  name?: Template
  /** The version, when it differs from `Chart.yaml`. */
  version?: Template
  /** The credential of the repository. */
  credential?: string
}

/** Installs or upgrades a Helm release. */
export interface DeployChart {
  /** The release's name. */
  release: Template
  /** The chart: a folder, or a name in the repository. */
  chart: Template
  /** The repository, `oci://…` or `https://…`. */
  repository?: Template
  /** The chart's version. The newest when unset. */
  version?: Template
  /** The name of the cluster, as the embedder registered it. */
  cluster?: Template
  /** The release's namespace. */
  namespace?: Template
  /** Values over those of the chart. Variables are replaced in the texts among them. */
  values?: Record<string, unknown>
  /** Files of values, relative to the workspace. */
  valuesFiles?: Template[]
  /** The credential of the repository. */
  credential?: string
  /** How long to wait until everything is ready. 5 minutes when unset. */
  wait?: Duration
}

/** Copies files to a host over SSH and runs commands there. */
export interface SyncFiles {
  /** The host's name or address. */
  host: Template
  /** The credential: user and password, or user and key. */
  credential: string
  /** The port. 22 when unset. */
  port?: number
  /** What is copied, in this order. */
  transfers?: Transfer[]
  /** Commands run on the host after the transfers. Variables reach them as environment, never as text. */
  commands?: string[]
  /** How long a connection may take to come up. */
  timeout?: Duration
}

/** One set of files on their way to a host. */
export interface Transfer {
  /** Globs, relative to the workspace. */
  include: Template[]
  /** Globs that are left out. */
  exclude?: Template[]
  /** The beginning that is cut off the files' paths. */
  stripPrefix?: Template
  /** The folder on the host. */
  to: Template
  /** Whether the folder is emptied first. */
  clean?: boolean
}

/** Runs a Kubernetes Job to its end. */
export interface RunJob {
  /** The manifest's file, relative to the workspace. */
  path?: Template
  /** The manifest itself. */
  manifest?: Record<string, unknown>
  /** The name of the cluster, as the embedder registered it. */
  cluster?: Template
  /** The namespace of a Job that names none. */
  namespace?: Template
}

/** Waits for a person to say yes. */
export interface Approve {
  /** What the person is asked. */
  message?: Template
  /** Opaque names of those who may decide, for the portal to enforce. Anyone when empty. */
  approvers?: string[]
}

/** An action that the embedder registered. */
export interface Custom {
  /** The name under which it was registered. */
  name: string
  /** Its settings; the action itself checks them. Variables are replaced in the texts among them. */
  with?: Record<string, unknown>
}

/** How often and after which ends a task is tried again. */
export interface Retry {
  /** How many attempts there are in all, the first one included. */
  attempts: number
  /** The ends that are worth another attempt. Unset: `failure`, `infrastructure` and `timeout`. */
  on?: ('failure' | 'infrastructure' | 'timeout' | 'lost')[]
  /** The pause before the second attempt; it doubles with each further one, up to an hour. None when unset. */
  backoff?: Duration
  /** The task from which to repeat when the workspace was lost. */
  from?: string
}

/** A folder kept between runs. */
export interface Cache {
  /** Under this name it is found again; `${hash:FILES}` stands for the content of files. */
  key: Template
  /** The folders, relative to the workspace. */
  paths: Template[]
  /** Beginnings of other keys that will do when the key itself is not there. */
  fallbackKeys?: Template[]
}

/** Files kept after the run. */
export interface Artifact {
  /** A name for the set; the task's name when unset. */
  name?: Template
  /** Globs, relative to the workspace. */
  paths: Template[]
  /** How long they are kept. */
  keep?: Duration
  /** After which ends of the task they are kept. `onSuccess` when unset. */
  when?: 'onSuccess' | 'onFailure' | 'always'
}

/** Result files that are read into the run. */
export interface Reports {
  /** Globs of JUnit XML files, relative to the workspace. */
  junit?: Template[]
  /** Globs of files with remarks about places in the sources, relative to the workspace. */
  annotations?: Template[]
}

/** What a step needs and may use, in the quantities of Kubernetes (`500m`, `256Mi`). */
export interface Resources {
  /** What must be free where it runs. */
  requests?: Quantities
  /** What it may not pass. */
  limits?: Quantities
}

/** An amount of processor and memory. */
export interface Quantities {
  /** Processors: `2`, `0.5`, `500m`. */
  cpu?: string
  /** Memory: `256Mi`, `1Gi`, or a number of bytes. */
  memory?: string
}

/** A credential given to a step: the value in a variable, or a file whose path is in it. */
export interface SecretVariable {
  /** The name of the variable. */
  name: string
  /** The credential whose value it gets. */
  from: string
  /** Which value of the credential, such as `user` or `password`. Unset: the password, the token, the key, the only value. */
  key?: string
  /** Whether the variable has the value itself, or the path of a file with it. `env` when unset. */
  as?: 'env' | 'file'
}
