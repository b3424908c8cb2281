# shellcheck shell=bash
# Finds Node and what its tests need. Sourced by scripts/build-node and scripts/test-node, after scripts/toolchain.sh.

# Finds Node 20 or later with npm; installs the system's where there is none.
find_node() {
  need node nodejs "the npm package is built and tested" || return
  need npm npm "the npm package is built and tested" || return
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' && return
  echo "error: Node $(node --version) is too old: 20 or later is needed. Install it from https://nodejs.org" >&2
  return 2
}

# Prints the version and the path of each Node on this machine that is new enough, the chosen one first, each major version once.
# NODES may name more of them, one path after another.
every_node() {
  local candidate seen=" " version
  # shellcheck disable=SC2086 # paths after one another
  for candidate in node ${NODES:-} "${NVM_DIR:-${HOME:-/root}/.nvm}"/versions/node/*/bin/node; do
    version="$("$candidate" -p 'process.versions.node' 2>/dev/null)" || continue
    if [ "${version%%.*}" -lt 20 ] || [[ "$seen" = *" ${version%%.*} "* ]]; then
      continue
    fi
    seen="$seen${version%%.*} "
    echo "$version $(command -v "$candidate")"
  done
}

# The suffix of the npm package with the compiled core for this machine.
node_platform() {
  # shellcheck disable=SC2016 # the dollars are JavaScript's
  node -p '
    const { platform, arch } = process
    const libc = () => (process.report.getReport().header.glibcVersionRuntime ? "gnu" : "musl")
    platform === "linux" ? `linux-${arch}-${libc()}` : platform === "win32" ? `win32-${arch}-msvc` : `${platform}-${arch}`'
}

# Installs what the lock file of bindings-node names, unless that was done already.
node_modules() {
  local lock=bindings-node/package-lock.json done=bindings-node/node_modules/.package-lock.json
  [ "$done" -nt "$lock" ] || npm --prefix bindings-node ci --no-audit --no-fund --loglevel=error
}

# Prints where Chromium is, in which tests drive the pages of portals; installs the system's where there is none.
find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" && return
  done
  need chromium chromium "the pages of portals are tested in it" >&2 && command -v chromium
}
