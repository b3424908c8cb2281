import { ask, type NativeNoun } from './native.js'

/** A git repository, and with what it is reached. */
export interface Remote {
  /** Its address, as `checkout` takes it. */
  url: string
  /** The name of the credential to reach it with. */
  credential?: string
  /** Certificates of authorities, in PEM, that are trusted for it beside the system's. */
  caCertificate?: string
  /** False takes any certificate. Whoever is in between then reads the credential: for tests. */
  verifyCertificate?: boolean
}

/** What a repository has: the commits by the names of its branches and tags. */
export interface RemoteRefs {
  /** The branch that is checked out when nobody names one; null for an empty repository. */
  default: string | null
  branches: Record<string, string>
  tags: Record<string, string>
}

/** The repositories from which runs of an engine fetch: what a form for a pipeline asks them. */
export class Sources {
  readonly #native: NativeNoun

  /** @internal */
  constructor(sources: NativeNoun) {
    this.#native = sources
  }

  /** The branches and tags of a repository. Nothing is fetched, nothing is kept. */
  refs(remote: Remote): Promise<RemoteRefs> {
    return ask(this.#native, 'refs', remote, 'source')
  }

  /** Throws why a repository cannot be read in this way. */
  async test(remote: Remote): Promise<void> {
    await ask(this.#native, 'test', remote, 'source')
  }

  /** Removes what is kept of a repository, so that the next checkout fetches all of it again. */
  async forget(url: string): Promise<void> {
    await ask(this.#native, 'forget', { url }, 'source')
  }
}
