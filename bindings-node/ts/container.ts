// What a task may say of its container and of those beside it.

import type { Duration, Template } from './document.js'

/** What a step's container has beside its image. Rights over the host are refused unless the executor's policy allows them. */
export interface ContainerOptions {
  /** Who runs the step: a name or number, with a group behind a colon. Unset: whom the image names. */
  user?: string
  /** The platform of the image, such as `linux/arm64`. That of the engine when unset. */
  platform?: string
  /** When the image is fetched. `missing` when unset. */
  pull?: 'missing' | 'always' | 'never'
  /** The credential with which the image is fetched, for a private one. Unset: whom the embedder or `docker login` names. */
  credential?: string
  /** The folder in which the step begins: absolute, or below the workspace. The workspace when unset. */
  workingFolder?: string
  /** A program with arguments that gets the step as further arguments. An image's own entrypoint is not run. */
  entrypoint?: string[]
  /** Names of hosts with their addresses. */
  hosts?: Record<string, string>
  /** The network of the engine that the container joins instead of the usual one. `none` is no network. */
  network?: string
  /** Further networks of the engine that the container joins. */
  networks?: string[]
  /** Further volumes, and folders of the host. */
  volumes?: VolumeMount[]
  /** Devices of the host, such as `/dev/kvm`. */
  devices?: string[]
  /** Capabilities beside the usual ones, such as `SYS_PTRACE`. */
  capabilities?: string[]
  /** Every right over the host. */
  privileged?: boolean
}

/** A volume, or a folder of the host, in a container. */
export interface VolumeMount {
  /** The volume's name, or a path of the host, which begins with `/`. */
  source: string
  /** Where it is in the container. */
  target: string
  /** Whether nothing can be written there. */
  readOnly?: boolean
}

/** A container beside a step: ready before the step starts, and gone with it. The step reaches it at its name and `localhost`. */
export interface Service {
  /** The host name by which the step reaches it. */
  name: string
  /** Its image. */
  image: Template
  /** The credential with which the image is fetched, for a private one. */
  credential?: string
  /** What it runs instead of the image's own command. */
  command?: string[]
  /** Its environment. */
  env?: Record<string, Template>
  /** How one sees that it is ready. Unset: as the image says, else at once. */
  health?: HealthCheck
  /** Every right over the host, which a Docker engine in a container needs. */
  privileged?: boolean
}

/** How one sees that a service is ready. */
export interface HealthCheck {
  /** A shell command that succeeds, in the service's container, once it is ready. */
  command: string
  /** The pause between two looks. One second when unset. */
  interval?: Duration
  /** How long it is waited for. Two minutes when unset. */
  timeout?: Duration
}
