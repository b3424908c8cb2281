import { ask, type NativeNoun } from './native.js'

/** A registry of images, and the way in. */
export interface RegistryServer {
  /** Its address, such as `registry.example.com:5000`, or `docker.io`. */
  server: string
  /** The name of the credential; nobody's login unless set. */
  credential?: string
  /** Whether plain HTTP is spoken. */
  insecure?: boolean
}

/** An image in a registry. */
export interface RegistryImage extends RegistryServer {
  /** Its name there, such as `team/web`. */
  repository: string
  /** A tag or a digest. */
  reference: string
}

/** The registries of images that an engine reaches with its credentials. */
export class Registries {
  readonly #native: NativeNoun

  /** @internal */
  constructor(registries: NativeNoun) {
    this.#native = registries
  }

  /** Tries the login, and changes nothing. */
  async test(server: RegistryServer): Promise<void> {
    await ask(this.#native, 'test', server, 'registry')
  }

  /** All tags of a repository. */
  tags(repository: RegistryServer & { repository: string }): Promise<string[]> {
    return ask(this.#native, 'tags', repository, 'registry')
  }

  /** The digest that a tag leads to, such as `sha256:…`. */
  digest(image: RegistryImage): Promise<string> {
    return ask(this.#native, 'digest', image, 'registry')
  }

  /** Copies an image, to the tag that is the `reference` of its new place; gives the digest. */
  copy(from: RegistryImage, to: RegistryImage): Promise<string> {
    return ask(this.#native, 'copy', { from, to }, 'registry')
  }

  /** Deletes what a tag or digest leads to, with every other tag of it. */
  async delete(image: RegistryImage): Promise<void> {
    await ask(this.#native, 'delete', image, 'registry')
  }
}
