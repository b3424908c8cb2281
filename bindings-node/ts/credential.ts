/** Something that opens a door. */
export type Credential =
  | { kind: 'userPassword'; user: string; password: string }
  | { kind: 'token'; token: string }
  | { kind: 'sshKey'; user?: string; privateKey: string; passphrase?: string; knownHosts?: string }
  | { kind: 'kubeconfig'; config: string; context?: string }
  | { kind: 'pkcs12'; archive: string; password: string }
  | { kind: 'registry'; server: string; user: string; password: string }
  | { kind: 'opaque'; values: Record<string, string> }

/** A credential as listings show it: all but its values. */
export interface StoredCredential {
  name: string
  kind: Credential['kind']
  /** When it was set last. */
  changed: string
  /** Who set it last; may be empty. */
  changedBy: string
  /** The name of the master key that sealed it. */
  key: string
}

/** What came of setting a credential. */
export interface SavedCredential {
  /** Whether there was none of the name before. */
  created: boolean
  /** Sentences about values that are too short to be masked in logs. Whoever set them should be told. */
  unmasked: string[]
}

/** Where credentials come from that the engine does not keep: a vault, a cloud's secret manager, the portal itself. */
export interface SecretProvider {
  /** What it is called in messages. */
  readonly name: string
  /** The credential of this name; null when there is none, and the next provider is asked. Errors must never hold a secret. */
  credential(name: string): Promise<Credential | null> | Credential | null
}

/** What kind of target a credential is tried on: a git repository, a registry of images, a Kubernetes cluster, a host with SSH. */
export type TargetKind = 'git' | 'registry' | 'cluster' | 'ssh'

/** What a credential is tried on. */
export interface CredentialTarget {
  kind: TargetKind
  /** Where it is: a URL, the address of a registry, a namespace, `HOST:PORT`. */
  address?: string
}

/**
 * Tries a credential on a target, and changes nothing there. Gives what was seen with it, for people; throws why it did not work.
 * No message may hold a secret.
 */
export type CredentialTest = (name: string, credential: Credential, address: string) => Promise<string> | string
