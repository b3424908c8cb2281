"""The command ``windlass``: the same as of the Rust program."""

from __future__ import annotations

import signal
import sys

from . import _native


def main() -> int:
    """Does what the arguments of the process say, and returns its exit code."""
    # The command handles Ctrl-C itself: the first one cancels and cleans up, the second one leaves at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    return _native.main(["windlass", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
