//! The stable codes of causes. People and programs may rely on them.

/// The program does not exist where the step runs.
pub const COMMAND_NOT_FOUND: &str = "commandNotFound";
/// The file is there and cannot be executed.
pub const NOT_EXECUTABLE: &str = "notExecutable";
/// The program that the first line of a script names does not exist.
pub const BAD_INTERPRETER: &str = "badInterpreter";
/// Ended by SIGKILL; by whom is not known.
pub const KILLED: &str = "killed";
/// The memory limit was reached: the kernel's own counters say so.
pub const OUT_OF_MEMORY: &str = "outOfMemory";
/// The system refused more memory or another process.
pub const NO_MEMORY: &str = "noMemory";
/// Ended by another signal.
pub const SIGNAL: &str = "signal";
/// Ended with an exit code that says no more than that it failed.
pub const EXIT_CODE: &str = "exitCode";
/// No space is left on a disk.
pub const NO_SPACE: &str = "noSpace";
/// The user of the step or of the engine lacks the right.
pub const PERMISSION_DENIED: &str = "permissionDenied";
/// The file system cannot be written.
pub const READ_ONLY: &str = "readOnly";
/// A limit on open files is reached.
pub const TOO_MANY_OPEN_FILES: &str = "tooManyOpenFiles";
/// A program's file was being written when it was to be started.
pub const TEXT_FILE_BUSY: &str = "textFileBusy";
/// Arguments and environment are larger than the system allows.
pub const ARGUMENTS_TOO_LONG: &str = "argumentsTooLong";
/// A host or an address cannot be reached.
pub const UNREACHABLE: &str = "unreachable";
/// Something took longer than its limit.
pub const TIMEOUT: &str = "timeout";
/// Nobody knows how the step ended.
pub const LOST: &str = "lost";
/// The workspace is gone.
pub const WORKSPACE_LOST: &str = "workspaceLost";
/// The step was stopped before it started.
pub const NEVER_STARTED: &str = "neverStarted";
/// The executor does not do what was asked.
pub const UNSUPPORTED: &str = "unsupported";
/// A value cannot be used where it stands.
pub const BAD_VALUE: &str = "badValue";
/// The disk, a daemon or a cluster refused for another reason.
pub const IO: &str = "io";
/// The executor failed for a reason that it gave no code for.
pub const INFRASTRUCTURE: &str = "infrastructure";
/// An executor or an action broke down: a mistake in it.
pub const PANIC: &str = "panic";
/// A credential could not be had.
pub const CREDENTIAL: &str = "credential";
/// An output holds a value of a credential.
pub const SECRET_OUTPUT: &str = "secretOutput";
/// This engine does not have the action.
pub const UNSUPPORTED_ACTION: &str = "unsupportedAction";
/// What stands for the address of a repository cannot be one.
pub const BAD_URL: &str = "badUrl";
/// What stands for a branch, a tag or a commit cannot be one.
pub const BAD_REF: &str = "badRef";
/// The host of a repository does not answer.
pub const REMOTE_UNREACHABLE: &str = "remoteUnreachable";
/// The host of a repository refused the login, or wants one.
pub const REMOTE_UNAUTHORIZED: &str = "remoteUnauthorized";
/// The login may not read the repository.
pub const REMOTE_FORBIDDEN: &str = "remoteForbidden";
/// There is no repository.
pub const REPOSITORY_NOT_FOUND: &str = "repositoryNotFound";
/// The repository has no commit.
pub const REPOSITORY_EMPTY: &str = "repositoryEmpty";
/// The repository has no such branch, tag or commit.
pub const REF_NOT_FOUND: &str = "refNotFound";
/// The host showed a key that nobody knows.
pub const HOST_KEY_UNKNOWN: &str = "hostKeyUnknown";
/// The host showed another key than the known one.
pub const HOST_KEY_CHANGED: &str = "hostKeyChanged";
/// The certificate of a host is not trusted.
pub const CERTIFICATE_UNKNOWN: &str = "certificateUnknown";
/// A private key cannot be used.
pub const BAD_KEY: &str = "badKey";
/// A repository of this machine belongs to another user.
pub const FOREIGN_OWNER: &str = "foreignOwner";
/// The server, the connection or git itself failed.
pub const FETCH_FAILED: &str = "fetchFailed";
/// Tests failed, as the report of the task says.
pub const TESTS_FAILED: &str = "testsFailed";
/// A cache or an artifact passes its limit.
pub const TOO_BIG: &str = "tooBig";
/// What was stored is not what was stored.
pub const OBJECT_DAMAGED: &str = "objectDamaged";
/// What was stored is not there any more.
pub const OBJECT_MISSING: &str = "objectMissing";
/// The key does not open the bucket of caches and artifacts, or may not do this there.
pub const OBJECT_STORE_REFUSED: &str = "objectStoreRefused";
/// The bucket of caches and artifacts does not exist.
pub const BUCKET_MISSING: &str = "bucketMissing";
/// The service with the bucket of caches and artifacts does not answer.
pub const OBJECT_STORE_UNREACHABLE: &str = "objectStoreUnreachable";
/// The folder or the bucket of caches and artifacts failed in another way.
pub const OBJECT_STORE: &str = "objectStoreFailed";
/// An image could not be built.
pub const BUILD_FAILED: &str = "buildFailed";
/// The Dockerfile uses what only BuildKit knows.
pub const NEEDS_BUILDKIT: &str = "needsBuildKit";
/// An instruction of the Dockerfile requires a secret that the task does not have.
pub const BUILD_SECRET_MISSING: &str = "buildSecretMissing";
/// There is no Dockerfile where it should be.
pub const DOCKERFILE_MISSING: &str = "dockerfileMissing";
/// The Dockerfile cannot be read.
pub const BAD_DOCKERFILE: &str = "badDockerfile";
/// A file that COPY or ADD names is not there.
pub const COPY_FAILED: &str = "copyFailed";
/// The image after FROM cannot be had.
pub const BASE_IMAGE: &str = "baseImageNotFound";
/// The image after FROM may not be had with the login.
pub const BASE_IMAGE_UNAUTHORISED: &str = "baseImageUnauthorised";
/// The API server does not know who asks.
pub const UNAUTHORIZED: &str = "unauthorized";
/// Whoever asks lacks a right in the cluster; the advice is the rule that gives it.
pub const FORBIDDEN: &str = "forbidden";
/// The namespace does not exist.
pub const NO_NAMESPACE: &str = "noNamespace";
/// The namespace is being deleted.
pub const NAMESPACE_GONE: &str = "namespaceGone";
/// The cluster has no such object.
pub const NOT_IN_CLUSTER: &str = "notInCluster";
/// The cluster has an object of that name already.
pub const ALREADY_EXISTS: &str = "alreadyExists";
/// Somebody else owns a field of an object.
pub const FIELD_CONFLICT: &str = "fieldConflict";
/// Somebody else changed an object at the same time.
pub const OBJECT_CONFLICT: &str = "objectConflict";
/// A quota of the namespace is used up.
pub const QUOTA_EXCEEDED: &str = "quotaExceeded";
/// A rule of the cluster forbids the object.
pub const ADMISSION_DENIED: &str = "admissionDenied";
/// A webhook that judges objects does not answer.
pub const ADMISSION_FAILED: &str = "admissionFailed";
/// A node port is outside of the cluster's range.
pub const NODE_PORT_RANGE: &str = "nodePortRange";
/// A node port is taken.
pub const NODE_PORT_TAKEN: &str = "nodePortTaken";
/// A field cannot be changed in place.
pub const IMMUTABLE_FIELD: &str = "immutableField";
/// A manifest has a field that its kind does not have.
pub const UNKNOWN_FIELD: &str = "unknownField";
/// A manifest is not what its kind wants.
pub const BAD_MANIFEST: &str = "badManifest";
/// The cluster does not serve an API version.
pub const API_NOT_SERVED: &str = "apiNotServed";
/// The API server asks for patience.
pub const CLUSTER_BUSY: &str = "clusterBusy";
/// The cluster's control plane failed.
pub const CLUSTER_FAILED: &str = "clusterFailed";
/// The API server refused for another reason.
pub const CLUSTER_REFUSED: &str = "clusterRefused";
/// The API server does not answer.
pub const CLUSTER_UNREACHABLE: &str = "clusterUnreachable";
/// The name of the API server is not known: the cluster may be gone.
pub const CLUSTER_GONE: &str = "clusterGone";
/// What answers at the address of a cluster is no API server.
pub const NOT_A_CLUSTER: &str = "notACluster";
/// The engine knows no such cluster.
pub const NO_CLUSTER: &str = "noSuchCluster";
/// The API server's certificate is not to be trusted.
pub const UNKNOWN_CERTIFICATE: &str = "unknownCertificate";
/// A kubeconfig cannot be used.
pub const BAD_KUBECONFIG: &str = "badKubeconfig";
/// A credential is of a kind, or in a form, that does not fit.
pub const BAD_CREDENTIAL: &str = "badCredential";
/// An image cannot be pulled.
pub const IMAGE_PULL: &str = "imagePull";
/// The pod of a step does not come to run.
pub const POD_STUCK: &str = "podStuck";
/// A rollout did not come to its end.
pub const ROLLOUT_STUCK: &str = "rolloutStuck";
/// A Job failed.
pub const JOB_FAILED: &str = "jobFailed";
/// A rollout that is paused cannot be undone.
pub const ROLLOUT_PAUSED: &str = "rolloutPaused";
/// A workload has no such revision.
pub const NO_REVISION: &str = "noSuchRevision";
