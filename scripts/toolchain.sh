# shellcheck shell=bash
# Finds Rust and the programs that builds need. Sourced by scripts/test and .ci/run.
#
# Rust stands in the home folder by default. A machine that runs checks may give a job another home, or none: then cargo is
# still on the PATH, or where the account has it, but does not know its own folders.

# The home folder of the account, whatever HOME says.
account_home() {
  if command -v getent >/dev/null; then
    getent passwd "$(id -u)" | cut -d: -f6
  else
    (unset HOME; cd ~ 2>/dev/null && pwd)
  fi
}

# Sets HOME, PATH, CARGO_HOME and RUSTUP_HOME where they are missing. What is set stays.
find_rust() {
  local account cargo root rustup
  account="$(account_home || true)"
  if [ -z "${HOME:-}" ]; then
    HOME="${account:-$(mktemp -d)}"
    export HOME
  fi
  cargo="$(command -v cargo || true)"
  for root in "${CARGO_HOME:-}" "$HOME/.cargo" "$account/.cargo" /usr/local/cargo; do
    [ -n "$cargo" ] && break
    [ -x "$root/bin/cargo" ] && cargo="$root/bin/cargo" && export PATH="$root/bin:$PATH"
  done
  if [ -z "$cargo" ]; then
    echo "error: there is no cargo on this machine. Install Rust from https://rustup.rs and try again." >&2
    return 2
  fi
  # …/.cargo/bin/cargo is rustup's; its toolchains stand in …/.rustup beside it. A cargo of the system needs neither.
  root="$(dirname "$(dirname "$cargo")")"
  if [ -z "${RUSTUP_HOME:-}" ] && [ ! -d "$HOME/.rustup" ]; then
    for rustup in "$(dirname "$root")/.rustup" "$(dirname "$root")/rustup" "$account/.rustup"; do
      [ -d "$rustup/toolchains" ] && export RUSTUP_HOME="$rustup" && break
    done
  fi
  if [ -z "${CARGO_HOME:-}" ] && [ ! -d "$HOME/.cargo" ] && [ -d "$root/registry" ] && [ -w "$root" ]; then
    export CARGO_HOME="$root"
  fi
  cargo --version >/dev/null
}

# Installs packages of the system, where that is possible without asking anybody. None of them starts a service by itself.
install_packages() {
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  local -x RUNLEVEL=1
  DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y --no-install-recommends "$@" </dev/null >/dev/null 2>&1 && return
  DEBIAN_FRONTEND=noninteractive timeout 300 apt-get update </dev/null >/dev/null 2>&1 || return 1
  DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y --no-install-recommends "$@" </dev/null >/dev/null 2>&1
}

# need PROGRAM PACKAGE WHY: makes sure that a program is there.
need() {
  command -v "$1" >/dev/null && return
  echo "$1 is missing ($3): installing the package $2"
  install_packages "$2" || true
  command -v "$1" >/dev/null && return
  echo "error: $1 is needed ($3). Install it, for example with: apt-get install $2" >&2
  return 2
}

# need_file FILE PACKAGE WHY: the same for a file that is not on the PATH.
need_file() {
  [ -e "$1" ] && return
  echo "$1 is missing ($3): installing the package $2"
  install_packages "$2" || true
  [ -e "$1" ] && return
  echo "error: $1 is needed ($3). Install it, for example with: apt-get install $2" >&2
  return 2
}

# need_go MINOR WHY: finds a Go of at least version 1.MINOR.
need_go() {
  local version
  command -v go >/dev/null || export PATH="$PATH:/usr/local/go/bin"
  version="$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)"
  version="${version#go1.}"
  [[ "${version%%.*}" =~ ^[0-9]+$ ]] && [ "${version%%.*}" -ge "$1" ] && return
  echo "error: Go 1.$1 or newer is needed ($2). Install it from https://go.dev/dl and try again." >&2
  return 2
}
