# shellcheck shell=bash
# Starts daemons and ends them. A file for each holds its process id and start time, so that a process which got the id of an
# earlier one is never taken for ours. Sourced.

# started_at PID: the start time of a process that is alive, in clock ticks. Killed daemons may stay zombies for seconds.
started_at() {
  [ -r "/proc/$1/stat" ] || return 0
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'
}

# is_alive NAME
is_alive() {
  local pid started
  [ -s "$DAEMONS/$1" ] || return 1
  read -r pid started <"$DAEMONS/$1"
  [ "$(started_at "$pid")" = "$started" ]
}

# start NAME COMMAND…: starts a daemon in a session of its own, unless it is alive.
start() {
  local name="$1" pid
  shift
  is_alive "$name" && return
  setsid "$@" >>"$LOGS/$name.log" 2>&1 </dev/null 8>&- 9>&- &
  pid=$!
  echo "$pid $(started_at "$pid")" >"$DAEMONS/$name"
}

# stop NAME: asks a daemon to end, and kills it after ten seconds.
stop() {
  local pid started
  [ -s "$DAEMONS/$1" ] || return 0
  read -r pid started <"$DAEMONS/$1"
  if is_alive "$1"; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      is_alive "$1" || break
      sleep 0.1
    done
    ! is_alive "$1" || kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$DAEMONS/$1"
}

# wait_for WHAT SECONDS COMMAND…: waits until a command succeeds.
wait_for() {
  local what="$1" end=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "error: $what did not come up. What the daemons say stands in $LOGS." >&2
      return 1
    fi
    sleep 0.1
  done
}

# settle FILE: replaces a file by standard input when they differ; kube-proxy ends when its file is written again.
settle() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}
