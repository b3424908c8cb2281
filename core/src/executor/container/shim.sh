# shellcheck shell=sh
# The shim of the step $1: runs what its launcher wrote down, copies its output, and writes how it ended. The token is taken.
# Signals are caught, not ignored, since the step would inherit that.
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2
exec 3>&2 2>/dev/null
umask 077
w_k=$1 w_inside=yes
set --
born $$
w_birth=$w_begun
printf '' >"$w_s/session.$w_h.$$"
printf '%s\n' "$$ $w_birth $w_h." >>"$w_s/$w_k.token"
exec 4>>"$w_s/$w_k.log"
ooms
w_before=$w_ooms
{
  (
    exec 3>&- 4>&-
    umask 000
    . "$w_s/$w_k.run"
  ) 2>&1
  w_code=$?
  until printf '%s\n' "$w_code" >>"$w_s/$w_k.token"; do "$w_b" sleep 1; done
  exec >/dev/null
  # What the step left in the background would hold the log open.
  w_tries=0
  while hunt $$ "$w_k" && [ -n "$w_found" ] && [ $w_tries -lt 200 ]; do
    # shellcheck disable=SC2086 # several numbers
    if [ $w_tries = 0 ]; then kill -TERM $w_found; elif [ $w_tries -ge 25 ]; then kill -KILL $w_found; fi
    w_tries=$((w_tries + 1))
    "$w_b" sleep 0.02
  done
} | {
  # A full disk is waited for: the step waits with it.
  until "$w_b" setsid "$w_b" cat >&4 3>&-; do "$w_b" sleep 1 3>&-; done
}
[ ! -e "$w_t/$w_k" ] || "$w_b" rm -rf "$w_t/$w_k"
ooms
[ "$w_ooms" = "$w_before" ] && w_oom=0 || w_oom=1
[ -s "$w_s/$w_k.out" ] && w_out=1 || w_out=0
{ read -r w_x w_length; } <"/proc/$$/fdinfo/4"
until printf '%s\n' "$w_length $w_oom $w_out." >>"$w_s/$w_k.token"; do "$w_b" sleep 1; done
look_at "$w_k"
printf '%s\n' "end $w_k ${w_state#ended }" >&3
