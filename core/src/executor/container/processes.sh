# shellcheck shell=sh
# Functions about steps and their processes, for the launcher and the shim. Builtins of the shell only where a step waits for
# them. `w_b` is the helper's busybox, `w_s` the folder of states, `w_h` the name of this container.

# What /proc says of the process $1; false when there is none.
born() {
  w_stat=
  { read -r w_stat; } <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086 # fields
  set -- ${w_stat##*) }
  w_alive=$1 w_parent=$2 w_session=$4 w_begun=${20}
}

# How far the step $1 came, in `w_state`. A shim that is not found may have written the end since the look before.
state() {
  look_at "$1"
  [ "$w_state" != lost ] || look_at "$1"
}

look_at() {
  w_first='' w_who='' w_code='' w_last='' w_pid=''
  if [ ! -e "$w_s/$1.token" ]; then
    w_state=none
    return
  fi
  { read -r w_first; read -r w_who; read -r w_code; read -r w_last; } <"$w_s/$1.token"
  case $w_who in *.) ;; *) w_who='' ;; esac
  w_host=${w_who##* } w_rest=${w_who% *}
  w_pid=${w_rest% *} w_birth=${w_rest#* }
  if [ "$w_first" = stopped ]; then
    w_state=stopped
  elif [ "$w_last" != "${w_last%.}" ]; then
    w_state="ended $w_code ${w_last%.}"
  elif [ -z "$w_who" ]; then
    w_state=starting
  elif [ "$w_host" != "$w_h." ]; then
    w_state="elsewhere ${w_host%.}"
  elif born "$w_pid" && [ "$w_begun" = "$w_birth" ] && [ "$w_alive" != Z ]; then
    w_state="running $w_pid"
  else
    w_state=lost
  fi
}

# The processes of the step $2, whose shim is or was $1, in `w_found`: not the shim with what belongs to it.
hunt() {
  w_found=
  for w_entry in /proc/[0-9]*; do
    w_one=${w_entry#/proc/}
    [ "$w_one" != "$1" ] && born "$w_one" && [ "$w_alive" != Z ] && [ "$w_parent" != "$1" ] || continue
    if [ "$w_session" = "$1" ] || { ! known "$w_session" && belongs "$w_parent" "$1" && carries "$w_one" "$2"; }; then
      w_found="$w_found $w_one"
    fi
  done
}

# Whether the session $1 is one of ours, in which no process of another step is.
known() {
  [ -e "$w_s/session.$w_h.$1" ]
}

# Whether the child of $1 may belong to the step of the shim $2. The parents of a step's processes are of the same step, or gone.
belongs() {
  [ "$1" = 1 ] || [ "$1" = 0 ] || ! born "$1" && return
  # The shim's copier is a grandchild of the shim. It looks itself only when the step, another one, has ended.
  [ "$w_parent" = "$2" ] && [ -n "${w_inside:-}" ] && return 1
  [ "$w_session" = "$2" ] || ! known "$w_session"
}

carries() {
  "$w_b" tr '\0' '\n' <"/proc/$1/environ" | "$w_b" grep -qxF "WINDLASS_STEP=$w_run/$2"
}

# How often the kernel ended a process here for want of memory, in `w_ooms`.
ooms() {
  w_ooms=0
  for w_file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$w_file" ] || continue
    while read -r w_name w_value; do
      [ "$w_name" != oom_kill ] || w_ooms=$w_value
    done <"$w_file"
    return
  done
}
