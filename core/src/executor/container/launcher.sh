# shellcheck shell=sh
# The launcher: a shell that reads requests from its standard input, each a call of a function below. Notices are lines on
# standard error, written whole; frames on standard output are written by the launcher alone.
exec 3>&2 2>/dev/null
umask 077
# What is started must not end with the connection.
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2
born $$
printf '' >"$w_s/session.$w_h.$w_session"
born 1
printf '' >"$w_s/session.$w_h.$w_session"

say() {
  printf '%s\n' "$*" >&3
}

# Takes the token of the step $1 with the word $2, unless it is taken. Others of the run, who may be other users, read it.
take() {
  umask 022
  set -C
  if printf '%s\n' "$2" >"$w_s/$1.token"; then w_took=yes; else w_took=no; fi
  set +C
  umask 077
  [ $w_took = yes ]
}

put() {
  printf '%s' "$2" >"$w_s/$1"
}

# begin ID KEY
# What a shell puts into the background ignores SIGINT for good, and so would the step. So the shim is the first part of a
# pipeline in the foreground, whose other part ends the shell that would wait for it.
begin() {
  (
    { read -r w_me w_x; } </proc/self/stat
    "$w_b" setsid "$w_b" sh -c "$w_shim" shim "$2" </dev/null >/dev/null 2>&3 3>&- | kill -KILL "$w_me"
  )
  say "began $1"
}

# hide KEY NAME TEXT: writes a secret file, whose text is a format without arguments.
hide() {
  [ -d "$w_t/$1" ] || "$w_b" mkdir -m 700 "$w_t/$1"
  # shellcheck disable=SC2059 # every byte is escaped
  printf "$3" >"$w_t/$1/$2"
}

# probe ID KEY
probe() {
  state "$2"
  say "state $1 $w_state"
}

# frame ID KEY FROM MOST: what there is of the log from an offset on.
frame() {
  state "$2"
  w_to=0 w_more=end
  case $w_state in
    running*)
      w_more=more
      { read -r w_x w_to; } <"/proc/$w_pid/fdinfo/4" || w_to=0
      ;;
    starting) w_more=more ;;
    ended*)
      w_to=${w_state#ended * }
      w_to=${w_to%% *}
      ;;
    lost) [ ! -e "$w_s/$2.log" ] || w_to=$("$w_b" wc -c <"$w_s/$2.log") ;;
  esac
  [ -e "$w_s/$2.log" ] || w_to=0
  w_count=$((w_to - $3))
  [ $w_count -ge 0 ] || w_count=0
  if [ $w_count -gt "$4" ]; then w_count=$4 w_more=more; fi
  printf '%s\n' "$1 $w_count $w_more"
  [ $w_count = 0 ] || piece "$2.log" "$3" $w_count
}

# output ID KEY MOST: what the step wrote for others.
output() {
  w_count=0
  [ ! -e "$w_s/$2.out" ] || w_count=$("$w_b" wc -c <"$w_s/$2.out")
  [ "$w_count" -le "$3" ] || w_count=$3
  printf '%s\n' "$1 $w_count end"
  [ "$w_count" = 0 ] || piece "$2.out" 0 "$w_count"
}

piece() {
  "$w_b" dd if="$w_s/$1" bs=262144 iflag=skip_bytes,count_bytes skip="$2" count="$3"
}

# stream KEY FROM: frames until the end of the log, without being asked. For a launcher of its own.
stream() {
  w_from=$2 w_nap=0.01
  while :; do
    frame 0 "$1" "$w_from" 8388608
    [ $w_more = more ] || return 0
    w_from=$((w_from + w_count))
    # Who printed just now goes on soon.
    if [ $w_count != 0 ]; then w_nap=0.01; else "$w_b" sleep $w_nap && w_nap=0.05; fi
  done
}

# halt ID KEY GRACE, in twentieths of a second. Beside the launcher, which goes on.
halt() {
  ( halting "$@" ) </dev/null >/dev/null &
}

halting() {
  if take "$2" stopped; then
    say "halted $1"
    return
  fi
  w_time=0 w_told=' '
  state "$2"
  while [ "$w_state" = starting ] && [ $w_time -lt 20 ]; do
    "$w_b" sleep 0.05
    w_time=$((w_time + 1))
    state "$2"
  done
  case $w_state in
    stopped | starting | elsewhere*)
      say "halted $1"
      return
      ;;
  esac
  w_leader=$w_pid
  w_time=0
  while hunt "$w_leader" "$2" && [ -n "$w_found" ]; do
    if [ $w_time -ge $(($3 + 100)) ]; then
      say "survived $1"
      return
    fi
    for w_one in $w_found; do
      if [ $w_time -ge "$3" ]; then
        kill -KILL "$w_one"
      else
        case $w_told in *" $w_one "*) ;; *) kill -TERM "$w_one" ;; esac
        w_told="$w_told$w_one "
      fi
    done
    "$w_b" sleep 0.05
    w_time=$((w_time + 1))
  done
  w_time=0
  state "$2"
  while [ "$w_state" = "running $w_leader" ] && [ $w_time -lt 200 ]; do
    "$w_b" sleep 0.05
    w_time=$((w_time + 1))
    state "$2"
  done
  [ ! -e "$w_t/$2" ] || "$w_b" rm -rf "$w_t/$2"
  say "halted $1"
}

# drop ID KEY: removes what is not needed once the log is imported; the token stays. Beside the launcher, which starts the next
# step meanwhile.
drop() {
  ( dropping "$@" ) </dev/null >/dev/null &
}

dropping() {
  look_at "$2"
  "$w_b" rm -f "$w_s/$2.log" "$w_s/$2.sh" "$w_s/$2.run" "$w_s/session.$w_h.${w_pid:-none}"
  say "dropped $1"
}

# assign ID KEY LINES: takes the token of a step that runs elsewhere, and says where.
assign() {
  if take "$2" "$3"; then say "began $1"; else say "taken $1"; fi
}

# settle ID KEY LINES OUTPUT: how a step ended that ran elsewhere. Its output is a format without arguments.
settle() {
  # shellcheck disable=SC2059 # every byte is escaped
  [ -z "$4" ] || printf "$4" >"$w_s/$2.out"
  printf '%s\n' "$3" >>"$w_s/$2.token"
  say "dropped $1"
}

# renew ID: somebody still wants this container.
renew() {
  read -r w_x </proc/sys/kernel/hostname
  printf '' >"$w_s/lease.$w_x"
  say "dropped $1"
}

say ready
