import type { ClusterAccess, StoredCluster } from './clusters.js'
import type { Credential, CredentialTarget, SavedCredential } from './credential.js'
import type { KeyRotation } from './credentials.js'
import type { BackupReport } from './engine.js'
import { ask, call, type NativeNoun, native } from './native.js'
import type { RerunMode, Who } from './options.js'

/** A run, as people name it. */
export interface RunName {
  id: string
  pipeline: string
  number: number
}

/** How an engine of another process is. */
export interface EngineStatus {
  pid: number
  version: string
  running: number
  queued: number
}

/**
 * Controls the engine that another process of this user holds. A run is named by its id, the beginning of one, `PIPELINE#NUMBER` or
 * `latest`. Resolves when what is asked for is durable.
 */
export class Control {
  readonly #native: NativeNoun

  private constructor(control: NativeNoun) {
    this.#native = control
  }

  /** Connects to the engine that holds a data directory. Throws `noEngine` when none works on it. */
  static async connect(dataDir: string): Promise<Control> {
    return new Control(await call(native.connectControl(dataDir)))
  }

  /** Asks a run to end. */
  cancel(run: string, who: Who = {}): Promise<RunName> {
    return ask(this.#native, 'cancel', { ...who, run })
  }

  /** Says yes to a task that waits for an approval. */
  approve(run: string, task: string, who: Who = {}): Promise<RunName> {
    return ask(this.#native, 'approve', { ...who, run, task })
  }

  /** Says no to a task that waits for an approval: it fails. */
  reject(run: string, task: string, who: Who = {}): Promise<RunName> {
    return ask(this.#native, 'reject', { ...who, run, task })
  }

  /** Runs a run again; gives the new one. */
  retry(run: string, mode: RerunMode, who: Pick<Who, 'by'> = {}): Promise<RunName> {
    return ask(this.#native, 'retry', { by: who.by, run, mode })
  }

  /** Keeps a credential. */
  setCredential(name: string, credential: Credential, who: Pick<Who, 'by'> = {}): Promise<SavedCredential> {
    return ask(this.#native, 'setCredential', { by: who.by, name, credential })
  }

  /** Removes a credential. */
  async removeCredential(name: string, who: Pick<Who, 'by'> = {}): Promise<void> {
    await ask(this.#native, 'removeCredential', { by: who.by, name })
  }

  /** Tries a credential on its target. Gives what was seen with it, for people. */
  async testCredential(name: string, target: CredentialTarget): Promise<string> {
    const { message } = await ask<{ message: string }>(this.#native, 'testCredential', { name, ...target })
    return message
  }

  /** Seals everything with another master key. */
  rotateMasterKey(who: Pick<Who, 'by'> = {}): Promise<KeyRotation> {
    return ask(this.#native, 'rotateMasterKey', { by: who.by })
  }

  /** Adds a cluster. Files that it names are seen from the engine's process. */
  addCluster(
    name: string,
    access: ClusterAccess,
    options: { namespace?: string } & Pick<Who, 'by'> = {},
  ): Promise<StoredCluster> {
    return ask(this.#native, 'addCluster', { ...options, name, access })
  }

  /** Forgets a cluster; refused while pipelines name it, unless it is forced. */
  async removeCluster(name: string, options: { force?: boolean } & Pick<Who, 'by'> = {}): Promise<void> {
    await ask(this.#native, 'removeCluster', { ...options, name })
  }

  /** Copies everything into a new folder while the engine goes on. */
  backup(path: string, who: Pick<Who, 'by'> = {}): Promise<BackupReport> {
    return ask(this.#native, 'backup', { by: who.by, path })
  }

  /** Lets no further run go, and says how many still do. */
  drain(): Promise<EngineStatus> {
    return ask(this.#native, 'drain', {})
  }

  /** How the engine is. */
  status(): Promise<EngineStatus> {
    return ask(this.#native, 'status', {})
  }
}
