# shellcheck shell=bash
# The images of the tests, made here: one with nothing but busybox, and a small Debian with a package manager.

BUSYBOX_IMAGE=windlass-test/busybox:1
DEBIAN_IMAGE=windlass-test/debian:1
DEBIAN_SUITE=bookworm
BUSYBOX_TAR="$DIR/images/busybox.tar"
DEBIAN_TAR="$DIR/images/debian-$DEBIAN_SUITE.tar"

images() {
  mkdir -p "$DIR/images"
  [ -s "$BUSYBOX_TAR" ] || make_busybox
  load "$BUSYBOX_IMAGE" "$BUSYBOX_TAR"
  debian
}

# Only root can make a Debian; others take the one that everybody takes.
debian() {
  if [ "$(id -u)" = 0 ]; then
    [ -s "$DEBIAN_TAR" ] || make_debian
    load "$DEBIAN_IMAGE" "$DEBIAN_TAR"
  elif ! docker image inspect "$DEBIAN_IMAGE" >/dev/null 2>&1; then
    docker pull --quiet "debian:$DEBIAN_SUITE-slim"
    docker tag "debian:$DEBIAN_SUITE-slim" "$DEBIAN_IMAGE"
  fi
}

# load IMAGE TAR: makes an image of a file system, unless the engine has it from this very file.
load() {
  local image="$1" tar="$2" made
  made="$(stat -c '%s-%Y' "$tar")"
  [ "$(docker image inspect --format '{{index .Config.Labels "windlass.test.made"}}' "$image" 2>/dev/null)" = "$made" ] && return
  docker import --change "LABEL windlass.test.made=$made" --change 'CMD ["/bin/sh"]' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$tar" "$image" >/dev/null
}

static_busybox() {
  command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1
}

make_busybox() {
  local root name
  static_busybox || install_packages busybox-static || true
  if ! static_busybox; then
    echo "error: a static busybox is needed (tests of containers). Install it, for example with: apt-get install busybox-static" >&2
    return 2
  fi
  root="$(mktemp -d "$DIR/images/busybox.XXXXXX")"
  mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp,var}
  chmod 755 "$root"
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  while read -r name; do
    [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
  done < <(busybox --list)
  printf 'root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1000::/tmp:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nbuilder:x:1000:\n' >"$root/etc/group"
  pack "$root" "$BUSYBOX_TAR" --owner=0 --group=0
}

# The mirror from which this machine takes its own packages; debootstrap's own choice where it says none.
mirror() {
  # shellcheck disable=SC2016 # apt-get replaces these
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
    awk -v suite="$DEBIAN_SUITE" '$2 == suite { print $1; exit }'
}

make_debian() {
  local root
  need debootstrap debootstrap "an image with a package manager, for tests of containers"
  echo "making a small Debian for tests of containers (half a minute, once)"
  root="$(mktemp -d "$DIR/images/debian.XXXXXX")"
  chmod 755 "$root"
  # shellcheck disable=SC2046 # one word, or none
  debootstrap --variant=minbase "$DEBIAN_SUITE" "$root" $(mirror) >"$DIR/log/debootstrap.log" 2>&1 || {
    tail -n 20 "$DIR/log/debootstrap.log" >&2
    return 2
  }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  pack "$root" "$DEBIAN_TAR"
}

# pack FOLDER TAR OPTIONS…: all of it or nothing.
pack() {
  local root="$1" tar="$2"
  shift 2
  tar --numeric-owner "$@" -C "$root" -cf "$tar.new" .
  mv "$tar.new" "$tar"
  rm -rf "$root"
}
