// The executors that come with Windlass.

/** An executor that comes with Windlass. */
export type KnownExecutor =
  | ReturnType<typeof localExecutor>
  | ReturnType<typeof dockerExecutor>
  | ReturnType<typeof kubernetesExecutor>

/** What the `local` executor is told. */
export interface LocalOptions {
  /** Variables of this process that steps get beside `PATH` and `HOME`. Never secrets. */
  passEnv?: string[]
}

/** Where a Docker engine listens. */
export interface DockerEndpoint {
  /** `unix:///path/of/a/socket`, `npipe:////./pipe/NAME` or `tcp://HOST:PORT`. What the environment says (`DOCKER_HOST`) unless set. */
  endpoint?: string
  /** The folder with `ca.pem`, `cert.pem` and `key.pem`, for TLS. */
  certificates?: string
}

/** What the `docker` executor is told. */
export interface DockerOptions extends DockerEndpoint {
  /** An image with a static busybox, or the absolute path of one. */
  helper?: string
  /** What definitions may ask of containers. */
  policy?: ContainerPolicy
  /** Who one is at registries, by their host and port. */
  logins?: Record<string, { user: string; password: string }>
}

/** What definitions may ask of containers. What is not allowed is refused before anything starts. */
export interface ContainerPolicy {
  /** No capabilities at all, and a user that is not root. */
  hardened?: boolean
  /** Lets tasks and services be privileged: as good as root on the host. */
  privileged?: boolean
  /** Lets `services` be privileged, which a Docker engine in a container needs. */
  dockerInDocker?: boolean
  /** Lets containers use the host's network as it is. */
  hostNetwork?: boolean
  /** Paths of the host that may be mounted, with what is below them. */
  hostPaths?: string[]
  /** Devices of the host, such as `/dev/kvm`. */
  devices?: string[]
  /** Capabilities, such as `SYS_PTRACE`. */
  capabilities?: string[]
  /** Networks of the engine. */
  networks?: string[]
  /** Volumes of the engine. */
  volumes?: string[]
  /** How many processes a container may have; 4096 unless set. */
  pids?: number
  /** How many bytes of memory a container may take whose task sets no limit; 8 GiB unless set. */
  memoryBytes?: number
}

/** What the `kubernetes` executor is told. */
export interface KubernetesOptions {
  /** The name of the cluster, as the engine keeps it (`engine.clusters`). It may be added after the opening. */
  cluster: string
  /** What definitions may ask of containers. */
  policy?: ContainerPolicy
  /** An image with a static `/bin/busybox`. What `WINDLASS_HELPER` names, or `busybox`, unless set. */
  helper?: string
  /** Secrets of the namespace by which images are pulled, of the type `kubernetes.io/dockerconfigjson`. */
  pullSecrets?: string[]
  /** Only nodes with these labels. */
  nodeSelector?: Record<string, string>
  /** The service account of the pods. Its token is not given to them. */
  serviceAccount?: string
  /** Tolerations, as a pod has them. */
  tolerations?: Record<string, unknown>[]
  /** What the pods want of nodes and of other pods, as a pod has it. */
  affinity?: Record<string, unknown>
  /** A pod, as its JSON has it, that is laid over every pod: objects are merged, lists are appended to. No policy looks at it. */
  template?: Record<string, unknown>
}

/** Where `buildImage` builds images. */
export interface ImageOptions extends DockerEndpoint {
  /** Folders with the certificates of registries' authorities, as Docker's `certs.d`. */
  registryCertificates?: string[]
  /** How long a push may go without a sign of life before it is tried again. Two minutes unless set. */
  patience?: string
}

/** Runs steps as processes of this machine. */
export function localExecutor(options: LocalOptions = {}) {
  return { kind: 'local', options } as const
}

/** Runs steps in containers of a Docker engine. Nothing is asked of it before the first run. */
export function dockerExecutor(options: DockerOptions = {}) {
  return { kind: 'docker', options } as const
}

/** Runs steps in pods of a cluster that the engine keeps. Nothing is asked of it before the first run. */
export function kubernetesExecutor(options: KubernetesOptions) {
  return { kind: 'kubernetes', options } as const
}
