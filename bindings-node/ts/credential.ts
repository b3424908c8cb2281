/** Something that opens a door. */
export type Credential =
  | { kind: 'userPassword'; user: string; password: string }
  | { kind: 'token'; token: string }
  | { kind: 'sshKey'; user?: string; privateKey: string; passphrase?: string; knownHosts?: string }
  | { kind: 'kubeconfig'; config: string; context?: string }
  | { kind: 'pkcs12'; archive: string; password: string }
  | { kind: 'registry'; server: string; user: string; password: string }
  | { kind: 'opaque'; values: Record<string, string> }

/** Where credentials come from that the engine does not keep: a vault, a cloud's secret manager, the portal itself. */
export interface SecretProvider {
  /** What it is called in messages. */
  readonly name: string
  /** The credential of this name; null when there is none, and the next provider is asked. Errors must never hold a secret. */
  credential(name: string): Promise<Credential | null> | Credential | null
}
