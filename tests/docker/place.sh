# shellcheck shell=bash
# Where the test set-up of Docker lives, and how its daemons are told from others. Sourced by up and down.

# Everything stands in this folder, outside the tree. Keep it short: unix sockets have paths of at most 107 bytes.
DIR="${WINDLASS_DOCKER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/windlass-docker}"
RUN="$DIR/run"
# What the tests read.
# shellcheck disable=SC2034 # up writes it
SITE="$DIR/site.json"

# born PID: when a process began, in ticks since the start of the machine. Pids come again, this does not.
born() {
  [ -r "/proc/$1/stat" ] || return 1
  local stat fields
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
  # The name in brackets may hold anything. After it: the state, then 18 fields, then the birth.
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  echo "${fields[19]}"
}

# remember NAME PID: writes down a daemon that up started.
remember() {
  echo "$2 $(born "$2")" >"$RUN/$1.pid"
}

# pid_of NAME: the process of a daemon that up started, if it still is that one.
pid_of() {
  local pid birth
  [ -r "$RUN/$1.pid" ] || return 1
  read -r pid birth <"$RUN/$1.pid"
  [ -n "$birth" ] && [ "$(born "$pid")" = "$birth" ] && echo "$pid"
}

# lives NAME: whether it still goes.
lives() {
  pid_of "$1" >/dev/null
}

# until_true SECONDS COMMAND…: repeats a command until it succeeds.
until_true() {
  local left=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.1
  done
}

# end NAME: asks a daemon to end, waits, and kills it after 20 seconds.
end() {
  local pid
  pid="$(pid_of "$1")" || { rm -f "$RUN/$1.pid"; return 0; }
  kill "$pid" 2>/dev/null || true
  until_true 20 gone "$1" || kill -9 "$pid" 2>/dev/null || true
  rm -f "$RUN/$1.pid"
}

gone() {
  ! lives "$1"
}
