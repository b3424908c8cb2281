# shellcheck shell=bash
# Finds Python, and makes environments for the tools and tests of the Python package. Sourced.

# Sets PYTHON to a Python that is new enough.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10; do
    if [ -z "$candidate" ] || ! command -v "$candidate" >/dev/null; then
      continue
    fi
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      PYTHON="$("$candidate" -c 'import sys; print(sys.executable)')"
      # PyO3 looks at these: the same in every build, so that cargo and maturin do not take turns in building everything.
      export PYTHON PYO3_PYTHON="$PYTHON" PYO3_BUILD_EXTENSION_MODULE=1
      return
    fi
  done
  echo "Python 3.10 or later with venv is missing: installing the packages python3 and python3-venv"
  install_packages python3 python3-venv || true
  if [ -z "${LOOKED_AGAIN:-}" ] && command -v python3 >/dev/null; then
    LOOKED_AGAIN=1 find_python
    return
  fi
  echo "error: Python 3.10 or later is needed (the Python package). Install it, for example with: apt-get install python3 python3-venv" >&2
  return 2
}

# python_environment NAME REQUIREMENTS: prints the folder of an environment in which these packages are, made when it is missing
# or when the file has changed.
python_environment() {
  local folder="target/python/$1" mark
  mark="$("$PYTHON" --version) $(cksum "$2")"
  if [ "$(cat "$folder/made-of" 2>/dev/null)" != "$mark" ]; then
    rm -rf "$folder"
    "$PYTHON" -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" >&2
    echo "$mark" >"$folder/made-of"
  fi
  echo "$PWD/$folder"
}

# Prints the version and the path of each Python on this machine that is new enough, the chosen one first, each version once.
every_python() {
  local candidate seen=" " version
  for candidate in "$PYTHON" python3.10 python3.11 python3.12 python3.13 python3.14 \
    "${PYENV_ROOT:-${HOME:-/root}/.pyenv}"/versions/*/bin/python3; do
    version="$("$candidate" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2], sys.version_info >= (3, 10))' 2>/dev/null)" || continue
    [[ "$version" = *True ]] || continue
    version="${version% *}"
    [[ "$seen" != *" $version "* ]] || continue
    seen="$seen$version "
    echo "$version $("$candidate" -c 'import sys; print(sys.executable)')"
  done
}
