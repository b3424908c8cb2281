import type { Credential, SavedCredential, StoredCredential } from './credential.js'
import { encode } from './json.js'
import { call, callJson, type NativeEngine } from './native.js'
import type { Who } from './options.js'

/** The credentials that an engine keeps. Values go in and are used; nothing lists them, and nothing logs or stores them in clear. */
export class Credentials {
  readonly #native: NativeEngine

  /** @internal */
  constructor(engine: NativeEngine) {
    this.#native = engine
  }

  /** Keeps a credential under this name from now on, whether there was one or not. */
  async set(name: string, credential: Credential, who: Who = {}): Promise<SavedCredential> {
    const named = encode({ name }, 'credentials')
    return callJson(this.#native.setCredential(named, encode(credential, 'credentials'), encode(who, 'credentials')))
  }

  /** The credentials, by name: all but their values. */
  list(): Promise<StoredCredential[]> {
    return callJson(this.#native.listCredentials())
  }

  /** The values of a credential, for the embedder's own use: from this engine, or from the first provider that has it. */
  async open(name: string): Promise<Credential> {
    return callJson(this.#native.openCredential(encode({ name }, 'credentials')))
  }

  /** Removes a credential. Tasks that have it already keep it to their end. */
  async remove(name: string, who: Pick<Who, 'by'> = {}): Promise<void> {
    await call(this.#native.removeCredential(encode({ ...who, name }, 'credentials')))
  }
}
