import type { Duration } from './document.js'
import type { Cause } from './events.js'
import { ask, type NativeNoun } from './native.js'
import type { Who } from './options.js'

/** How the API server of a cluster is reached. Secrets are in the credential that it names. */
export type ClusterAccess =
  /** From a pod of the cluster itself, by its service account. */
  | { kind: 'inCluster' }
  /** By a kubeconfig on this machine. */
  | { kind: 'kubeconfigFile'; path: string; context?: string }
  /** By a credential of the kind `kubeconfig`. */
  | { kind: 'kubeconfig'; credential: string; context?: string }
  /** By an address, and a credential: a token or a client certificate. */
  | { kind: 'server'; server: string; credential: string; trust?: Trust }

/** How an API server proves who it is. */
export type Trust = { kind: 'system' } | { kind: 'authority'; certificates: string } | { kind: 'unverified' }

/** A cluster that the engine keeps. */
export interface StoredCluster {
  name: string
  access: ClusterAccess
  /** Where Windlass makes its pods, and where objects go that name no namespace. */
  namespace: string
  added: { wall: string; elapsed: number }
  addedBy: string
}

/** What a cluster says about itself. */
export interface ClusterHealth {
  server: string
  version: string
  /** The checks that fail; empty when it is well. */
  failing: string[]
}

/** A cluster with its answer, or with why it gave none. */
export type ClusterStatus = StoredCluster & {
  /** The address of its API server, also when that does not answer. */
  server?: string
} & ({ health: ClusterHealth } | { cause: Cause })

/** Something that Windlass does in a namespace, with what it is not allowed of that. */
export interface RightCheck {
  right: { group: string; resource: string; verbs: string[]; purpose: string }
  missing: string[]
}

/** Manifests on their way to a cluster. */
export interface Deployment {
  /** The cluster's name. */
  cluster: string
  /** What names this deployment among others: a label of all its objects. */
  deployment: string
  /** Objects in YAML or JSON. */
  manifests: string
  /** Variables that are replaced in them. Nothing is unless set. */
  variables?: Record<string, string>
  /** The namespace of objects that name none; the cluster's unless set. */
  namespace?: string
  /** Whether namespaces are made that are missing. */
  createNamespace?: boolean
  /** How long the rollout may take. 5 minutes unless set. */
  wait?: Duration
  /** Whether a rollout that fails is undone. */
  rollback?: boolean
  /** Whether objects of it that the manifests no longer have are deleted. */
  prune?: boolean
}

/** What a deployment did. */
export interface DeployReport {
  objects: { object: string; outcome: 'created' | 'changed' | 'unchanged' | 'replaced' | 'deleted' }[]
}

/** What would become of an object. */
export interface ObjectPreview {
  object: string
  action: 'create' | 'change' | 'keep' | 'delete'
  changes: { path: string; before: unknown; after: unknown }[]
}

/** How far a rollout is. */
export interface RolloutState {
  state: 'done' | 'going' | 'failed'
  /** How far, or why not; null when it is done. */
  message: string | null
}

/** A revision that a workload had. */
export interface Revision {
  number: number
  made: string | null
  /** Why, by the annotation `kubernetes.io/change-cause`. */
  cause: string | null
  images: string[]
  /** Whether it is the one that is wanted now. */
  current: boolean
}

/** The clusters that an engine knows by name, and what runs in them. Every change takes who makes it. */
export class Clusters {
  readonly #native: NativeNoun

  /** @internal */
  constructor(clusters: NativeNoun) {
    this.#native = clusters
  }

  /** Adds a cluster: asks it how it is, makes its namespace when that is missing, and keeps it. */
  add(name: string, access: ClusterAccess, options: { namespace?: string; by?: string } = {}): Promise<StoredCluster> {
    return ask(this.#native, 'add', { ...options, name, access })
  }

  /** The clusters as they are kept, without asking any of them. */
  stored(): Promise<StoredCluster[]> {
    return ask(this.#native, 'stored', {})
  }

  /** All clusters, each asked how it is. */
  list(): Promise<ClusterStatus[]> {
    return ask(this.#native, 'list', {})
  }

  /** Asks a cluster how it is. That it cannot be asked is part of the answer. */
  test(name: string): Promise<ClusterStatus> {
    return ask(this.#native, 'test', { name })
  }

  /** The pipelines whose definitions name a cluster. */
  users(name: string): Promise<string[]> {
    return ask(this.#native, 'users', { name })
  }

  /** Forgets a cluster; refused while pipelines name it, unless it is forced. In the cluster itself nothing is changed. */
  async remove(name: string, options: { force?: boolean } & Pick<Who, 'by'> = {}): Promise<void> {
    await ask(this.#native, 'remove', { ...options, name })
  }

  /** Asks a cluster about each right that Windlass uses in a namespace. */
  rights(name: string, options: { namespace?: string } = {}): Promise<RightCheck[]> {
    return ask(this.#native, 'rights', { ...options, name })
  }

  /** The rights that are missing in a namespace, as a role for whoever asks, in YAML that can be applied. Null when none is. */
  missingRole(name: string, options: { namespace?: string } = {}): Promise<string | null> {
    return ask(this.#native, 'missingRole', { ...options, name })
  }

  /** A service account with the role that it needs in a namespace, as YAML that can be applied. */
  role(namespace: string, account: string): Promise<string> {
    return ask(this.#native, 'role', { namespace, account })
  }

  /** Applies objects in the order in which they need each other, and waits until they are as they shall be. */
  deploy(deployment: Deployment): Promise<DeployReport> {
    return ask(this.#native, 'deploy', deployment)
  }

  /** What a deployment would change. */
  preview(deployment: Deployment): Promise<ObjectPreview[]> {
    return ask(this.#native, 'preview', deployment)
  }

  /** A workload by `deployment/NAME`, `statefulset/NAME` or `daemonset/NAME`, in the cluster's own namespace unless set. Nothing is asked yet. */
  workload(cluster: string, workload: string, options: { namespace?: string } = {}): Workload {
    return new Workload(this.#native, { ...options, cluster, workload })
  }
}

/** A Deployment, StatefulSet or DaemonSet in a cluster. {@link Clusters.workload} gives one. */
export class Workload {
  readonly #native: NativeNoun
  readonly #place: object

  /** @internal */
  constructor(clusters: NativeNoun, place: object) {
    this.#native = clusters
    this.#place = place
  }

  #ask<T>(request: string, args: object = {}): Promise<T> {
    return ask(this.#native, request, { ...this.#place, ...args })
  }

  /** How far its rollout is. */
  status(): Promise<RolloutState> {
    return this.#ask('status')
  }

  /** Waits until its rollout is done, 5 minutes unless set. */
  async wait(options: { limit?: Duration } = {}): Promise<void> {
    await this.#ask('wait', options)
  }

  /** The revisions that it had, the oldest first. */
  history(): Promise<Revision[]> {
    return this.#ask('history')
  }

  /** Makes it what it was in a revision; in the one before unless set. Gives the number of that revision. */
  undo(revision?: number): Promise<number> {
    return this.#ask('undo', { revision })
  }

  /** Changes do nothing until it is resumed. */
  async pause(): Promise<void> {
    await this.#ask('pause')
  }

  /** Changes do something again. */
  async resume(): Promise<void> {
    await this.#ask('resume')
  }

  /** Makes all of its pods again, as a rolling update. */
  async restart(): Promise<void> {
    await this.#ask('restart')
  }

  /** Says how many pods it shall have. */
  async scale(replicas: number): Promise<void> {
    await this.#ask('scale', { replicas })
  }

  /** Deletes it with its pods. */
  async delete(): Promise<void> {
    await this.#ask('delete')
  }

  /** Deletes it with its pods, waits until they are gone, and makes it again. */
  async recreate(): Promise<void> {
    await this.#ask('recreate')
  }
}
