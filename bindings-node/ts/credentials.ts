import type { Credential, CredentialTarget, SavedCredential, StoredCredential } from './credential.js'
import { ask, type NativeNoun } from './native.js'
import type { Who } from './options.js'

/** The credentials that an engine keeps. Values go in and are used; nothing lists them, and nothing logs or stores them in clear. */
export class Credentials {
  readonly #native: NativeNoun

  /** @internal */
  constructor(credentials: NativeNoun) {
    this.#native = credentials
  }

  /** Keeps a credential under this name from now on, whether there was one or not. */
  set(name: string, credential: Credential, who: Pick<Who, 'by'> = {}): Promise<SavedCredential> {
    return ask(this.#native, 'set', { by: who.by, name, credential }, 'credentials')
  }

  /** The credentials, by name: all but their values. */
  list(): Promise<StoredCredential[]> {
    return ask(this.#native, 'list', {})
  }

  /** The values of a credential, for the embedder's own use: from this engine, or from the first provider that has it. */
  open(name: string): Promise<Credential> {
    return ask(this.#native, 'open', { name })
  }

  /** Removes a credential. Tasks that have it already keep it to their end. */
  async remove(name: string, who: Pick<Who, 'by'> = {}): Promise<void> {
    await ask(this.#native, 'remove', { by: who.by, name })
  }

  /** Tries a credential on what it is for, and changes nothing there. Gives what was seen with it, for people. */
  async test(name: string, target: CredentialTarget): Promise<string> {
    const { message } = await ask<{ message: string }>(this.#native, 'test', { name, ...target })
    return message
  }

  /** Seals everything with another master key. */
  rotateMasterKey(who: Pick<Who, 'by'> = {}): Promise<KeyRotation> {
    return ask(this.#native, 'rotateMasterKey', { by: who.by })
  }
}

/** What came of a change of the master key. */
export interface KeyRotation {
  /** The name of the key with which everything is sealed now. */
  key: string
  /** How many credentials were sealed anew. */
  credentials: number
}
