"""An executor whose steps do what a test says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Union

from .. import _native
from .._scripted import Clock, Scripted
from ._script import Script


class ScriptedExecutor(Scripted):
    """An executor whose steps do what a test says, in the time of a ``VirtualClock``. A step without a script succeeds at once.

    A script stands for all attempts at a task, several for one attempt after another; the last one is for all further ones.
    """

    def __init__(self, clock: Clock, tasks: Mapping[str, Union[Script, Iterable[Script]]]) -> None:
        scripts = {
            name: [said.to_dict() for said in ([script] if isinstance(script, Script) else script)]
            for name, script in tasks.items()
        }
        self.native = _native.Scripted(clock.native, json.dumps(scripts))

    def started(self, task: str) -> int:
        """How many steps of a task were really started."""
        return self.native.started(task)

    @property
    def peak(self) -> int:
        """The most steps that ever went on at the same moment."""
        return self.native.peak()
