# shellcheck shell=bash disable=SC2034
# Names, addresses and folders of the test cluster. Sourced by every script beside it.
set -euo pipefail

HERE="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
# Everything that the scripts make is below this folder, outside of the tree.
ROOT="${WINDLASS_TEST_CLUSTER:-${XDG_CACHE_HOME:-$HOME/.cache}/windlass-test-cluster}"
RUN="$ROOT/run"
LOGS="$ROOT/logs"
KEYS="$RUN/keys"
CONFIG="$RUN/config"
DAEMONS="$RUN/daemons"
# The name of this file is what tests look for: it is there as long as the cluster is up.
ADMIN="$RUN/admin.kubeconfig"

# programs/go.mod pins the same version.
KUBERNETES=v1.34.4
# Programs and images are kept by the content of what they are made of.
CONTENT="$(cat "$HERE/build" "$HERE"/programs/*.go "$HERE"/programs/go.* "$HERE"/programs/pause/*.go | sha256sum | cut -c1-16)"
PROGRAMS="$ROOT/programs/$CONTENT"
IMAGES="$PROGRAMS/images"

NODE=windlass-node
NODE_BRIDGE=windlass-node0
POD_BRIDGE=windlass-pods0
NODE_IP=10.250.0.1
PODS=10.244.0.0/24
SERVICES=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
API_PORT=16443
ETCD_PORT=12379
ETCD_PEER_PORT=12380
# Both registries have the same storage; the second one wants puller / secret.
REGISTRY=127.0.0.1:15000
PRIVATE_REGISTRY=127.0.0.1:15001
CONTAINERD="$RUN/containerd/containerd.sock"

containers() {
  ctr --address "$CONTAINERD" --namespace k8s.io "$@"
}

kubectl() {
  KUBECONFIG="$ADMIN" "$PROGRAMS/kubectl" "$@"
}
