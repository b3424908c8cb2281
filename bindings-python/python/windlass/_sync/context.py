# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""What executors and actions of the program have to work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Union

from .. import _native
from .._credentials import Credential, credential_of
from .._plugins import StepSecrets
from ._wait import wait


class StepContext:
    """What a :class:`SimpleExecutor` has beside the step."""

    def __init__(self, native: _native.StepContext) -> None:
        self._native = native
        self.workspace: str = str(native.workspace)
        """The folder on this machine in which the step works."""
        self.secrets = StepSecrets(*native.secrets())
        """Credentials for the step."""

    @property
    def cancelled(self) -> bool:
        """Whether the step shall end."""
        return self._native.cancelled

    def until_cancelled(self) -> None:
        """Returns when the step shall end."""
        wait(self._native.until_cancelled())

    def log(self, text: Union[str, bytes]) -> None:
        """Adds to the step's log."""
        self._native.log(text.encode() if isinstance(text, str) else text)

    def set_output(self, outputs: Union[Mapping[str, str], bytes]) -> None:
        """Sets what the step hands to later ones: the keys that its task declares as ``outputs``, or lines of ``KEY=VALUE``."""
        if not isinstance(outputs, bytes):
            outputs = "".join(f"{key}={value}\n" for key, value in outputs.items()).encode()
        self._native.set_output(outputs)


class ActionContext:
    """What an action has to work with."""

    def __init__(self, native: _native.ActionContext) -> None:
        self._native = native
        self.settings: dict[str, Any] = native.settings
        """The settings of the task (``with``), with every variable replaced."""
        self.variables: Mapping[str, str] = native.variables
        """The environment that a script of this task would get, without ``WORKSPACE`` and ``WINDLASS_OUTPUT``."""
        self.run: str = native.run
        """The run."""
        self.run_number: int = native.run_number
        """The number of the run in its pipeline."""
        self.pipeline: str = native.pipeline
        self.task: str = native.task
        """The name of the task in the run, such as ``notify`` or ``notify[ROOM=dev]``."""
        self.attempt: int = native.attempt
        """1 for the first attempt."""
        self.idempotency_key: str = native.idempotency_key
        """A text for other systems, so that they do a thing once however often they are asked for this attempt."""
        self.resumed: bool = native.resumed
        """Whether an earlier engine may have begun this attempt, and done any part of it."""

    @property
    def cancelled(self) -> bool:
        """Whether the action shall end.

        Virtual time of a test stands still while an action works, but for :meth:`sleep` and :meth:`until_cancelled`; from the first
        look at this on it goes on, since the action may ask until it is true.
        """
        return self._native.cancelled

    def until_cancelled(self) -> None:
        """Returns when the action shall end. An asynchronous one is cancelled as well."""
        wait(self._native.until_cancelled())

    def log(self, line: Union[str, bytes]) -> None:
        """Adds a line to the log of the attempt; bytes are added as they are."""
        if isinstance(line, str):
            line = (line if line.endswith("\n") else line + "\n").encode()
        wait(self._native.log(line))

    def sleep(self, length: timedelta) -> None:
        """Waits by the engine's clock, which a test can drive."""
        wait(self._native.sleep(length // timedelta(milliseconds=1)))

    def credential(self, name: str) -> Credential:
        """The credential of this name, from where the engine keeps them or looks for them. Never log it."""
        return credential_of(wait(self._native.credential(name)))

    def read_file(self, path: str, most: int) -> bytes:
        """One file of the run's workspace, of at most ``most`` bytes."""
        content: bytes = wait(self._native.read_file(path, most))
        return content

    def write_file(self, path: str, content: Union[str, bytes]) -> None:
        """Writes one file of the run's workspace, over what was there. Folders on the way are made."""
        wait(self._native.write_file(path, content.encode() if isinstance(content, str) else content))


class TarPieces(Iterator[bytes]):
    """The pieces of an archive on their way to an executor."""

    def __init__(self, native: _native.TarPieces) -> None:
        self._native = native

    def __iter__(self) -> TarPieces:
        return self

    def __next__(self) -> bytes:
        piece = wait(self._native.next())
        if piece is None:
            raise StopIteration
        content: bytes = piece
        return content
