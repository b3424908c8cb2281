"""What all engines of this process count and measure."""

from __future__ import annotations

from . import _native


class Metrics:
    """The metrics of all engines of this process, for Prometheus and those who speak its language.

    Make one before the engine is opened: what was opened before is not told. Another one in the same process is the same. The names
    are those of OpenTelemetry's conventions for CI/CD.
    """

    def __init__(self) -> None:
        self._native = _native.metrics()

    def text(self) -> str:
        """All of them as text, for an address of the portal such as ``/metrics``."""
        return self._native.text()
