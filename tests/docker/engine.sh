# shellcheck shell=bash
# The Docker engine of the tests: the one that is there, or one of our own. Sets ENGINE and OWN_ENGINE, and exports DOCKER_HOST.

answers() {
  docker --host "$1" version --format '{{.Server.Version}}'
}

find_engine() {
  need docker docker.io "tests of containers" || need docker docker-cli "tests of containers"
  local there
  for there in "${DOCKER_HOST:-}" unix:///var/run/docker.sock; do
    # `docker` waits long for a host that does not answer.
    if [ -n "$there" ] && timeout 10 docker --host "$there" version >/dev/null 2>&1; then
      use_engine "$there" false
      return
    fi
  done
  own_engine
}

# bridge_address HOST: the address of this machine that the engine's containers know, if there is one. An engine does not name it
# as long as it runs for the first time, when it has made the bridge itself.
bridge_address() {
  local host="$1" address name
  address="$(docker --host "$host" network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}' 2>/dev/null)" || return
  if [ -z "$address" ]; then
    name="$(docker --host "$host" network inspect bridge --format '{{index .Options "com.docker.network.bridge.name"}}')"
    address="$(ip -o -4 address show dev "$name" 2>/dev/null | awk '{sub("/.*", "", $4); print $4; exit}')"
  fi
  if [ -n "$address" ] && ip -o address show 2>/dev/null | grep -F " $address/" >/dev/null; then
    echo "$address"
  fi
}

# Another engine that ends, or does without a bridge, takes this one's with it.
has_bridge() {
  docker --host "$1" network inspect bridge >/dev/null 2>&1 || return 0
  [ -n "$(bridge_address "$1")" ]
}

use_engine() {
  # shellcheck disable=SC2034 # up writes it down
  ENGINE="$1" OWN_ENGINE="$2"
  export DOCKER_HOST="$ENGINE"
}

own_engine() {
  local host="unix://$RUN/docker.sock"
  if ! { lives engine && answers "$host" >/dev/null 2>&1 && has_bridge "$host"; }; then
    start_own_engine "$host"
  fi
  use_engine "$host" true
}

# Tries the engine as it comes first. Where the machine takes less (a sandbox on an overlay, without a working iptables), it gets
# along with less: files are copied instead of laid over one another, containers reach only the networks of the machine.
start_own_engine() {
  local host="$1" attempt
  if [ "$(id -u)" != 0 ] || [ "$(uname)" != Linux ]; then
    echo "error: no Docker engine answers. Start one, set DOCKER_HOST, or run this as root on Debian, where it starts its own." >&2
    return 2
  fi
  if [ ${#RUN} -gt 70 ]; then
    echo "error: the path $RUN is too long for the sockets in it. Set WINDLASS_DOCKER_DIR to a shorter one." >&2
    return 2
  fi
  need ip iproute2 "the networks of containers"
  need dockerd docker.io "tests of containers"
  for attempt in "" "--storage-driver=vfs" "--storage-driver=vfs --iptables=false --ip6tables=false"; do
    end engine
    # shellcheck disable=SC2086 # several arguments, or none
    launch_engine "$host" $attempt && return
    echo "the Docker engine did not start with these arguments: '$attempt'"
  done
  tail -n 20 "$DIR/log/engine.log" >&2
  echo "error: no Docker engine can be started here; its log is $DIR/log/engine.log" >&2
  return 2
}

# An engine that was killed leaves its pid file and its containerd behind.
launch_engine() {
  local host="$1"
  shift
  mkdir -p "$DIR/engine"
  rm -f "$RUN/docker.pid" "$RUN/docker.sock"
  # It would wait for a dead one whose number is not free yet.
  containerd_gone || until_true 20 containerd_gone || true
  rm -f "$RUN/exec/containerd/containerd.pid"
  setsid dockerd --data-root "$DIR/engine" --exec-root "$RUN/exec" --pidfile "$RUN/docker.pid" --host "$host" "$@" \
    >>"$DIR/log/engine.log" 2>&1 </dev/null 9>&- &
  remember engine $!
  until_true 60 engine_up_or_gone "$host"
  lives engine && answers "$host" >/dev/null 2>&1
}

engine_up_or_gone() {
  ! lives engine || answers "$1"
}

containerd_gone() {
  local pid
  pid="$(cat "$RUN/exec/containerd/containerd.pid" 2>/dev/null)" || return 0
  ! born "$pid" >/dev/null
}
