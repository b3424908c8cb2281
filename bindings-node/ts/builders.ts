// Builders of the document's parts. Each gives exactly the object that stands in the document's JSON, and adds nothing.

import type {
  Approve,
  BuildImage,
  Checkout,
  DeployChart,
  DeployManifests,
  DynamicParameter,
  PublishChart,
  RunJob,
  StageDocument,
  StaticParameter,
  SyncFiles,
  TaskDocument,
  TaskOptions,
} from './document.js'
import type { EventTrigger, Schedule, ScheduleTrigger } from './trigger.js'

/** A stage: its tasks run one after another, or side by side with `order: 'parallel'`. */
export function stage(name: string, options: Omit<StageDocument, 'name'> = {}): StageDocument {
  return { name, ...options }
}

/** A parameter: `{ value }` for the same in every run, `{ dynamic: true, … }` for one that is given when a run is started. */
export function parameter(name: string, options: Omit<StaticParameter, 'name'>): StaticParameter
export function parameter(name: string, options: Omit<DynamicParameter, 'name'>): DynamicParameter
export function parameter(
  name: string,
  options: Omit<StaticParameter, 'name'> | Omit<DynamicParameter, 'name'>,
): StaticParameter | DynamicParameter {
  return { name, ...options }
}

/** A trigger at certain times. */
export function schedule(when: Schedule): ScheduleTrigger {
  return { schedule: when }
}

/** A trigger for when something happened in a repository. */
export function event(what: EventTrigger['event'], options: Omit<EventTrigger, 'event'> = {}): EventTrigger {
  return { event: what, ...options }
}

/** Runs a script in the executor. Variables reach it as environment, never as text. */
export function script(name: string, text: string, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, script: text }
}

/** Brings a git repository into the workspace. */
export function checkout(name: string, settings: Checkout, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, checkout: settings }
}

/** Builds a container image, and pushes it. */
export function buildImage(name: string, settings: BuildImage, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, buildImage: settings }
}

/** Applies Kubernetes manifests and waits for the rollout. */
export function deployManifests(name: string, settings: DeployManifests, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, deployManifests: settings }
}

/** Packages a Helm chart and pushes it. */
export function publishChart(name: string, settings: PublishChart, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, publishChart: settings }
}

/** Installs or upgrades a Helm release. */
export function deployChart(name: string, settings: DeployChart, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, deployChart: settings }
}

/** Copies files to a host over SSH and runs commands there. */
export function syncFiles(name: string, settings: SyncFiles, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, syncFiles: settings }
}

/** Runs a Kubernetes Job to its end. */
export function runJob(name: string, settings: RunJob, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, runJob: settings }
}

/** Waits for a person to say yes. */
export function approve(name: string, settings: Approve = {}, options: TaskOptions = {}): TaskDocument {
  return { name, ...options, approve: settings }
}

/** Runs an action that the embedder registered under the name `action`, with its settings. */
export function custom(
  name: string,
  action: string,
  settings?: Record<string, unknown>,
  options: TaskOptions = {},
): TaskDocument {
  const what = settings === undefined ? { name: action } : { name: action, with: settings }
  return { name, ...options, custom: what }
}
