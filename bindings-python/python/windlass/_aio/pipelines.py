"""The pipelines that an engine keeps."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Literal, Optional, Union

from .. import _native
from .._credentials import Credential
from .._document import Pipeline
from .._options import Commit, definition, options
from .._records import PipelineListing, StoredPipeline, StoredVersion
from ._wait import wait
from .run import Run


class Pipelines:
    """The stored pipelines of an engine.

    Every change takes who makes it. A definition has a version; every save says which version it was made from, so that of two
    people who edit the same pipeline the second one is told: :class:`ConflictError` with the code ``staleVersion``.
    """

    def __init__(self, native: _native.Pipelines) -> None:
        self._native = native

    async def get(self, name: str) -> StoredPipeline:
        """A pipeline as it is now."""
        return StoredPipeline.of(await wait(self._native.get(name)))

    async def list(
        self, *, active: Optional[bool] = None, after: Optional[str] = None, limit: Optional[int] = None
    ) -> tuple[PipelineListing, ...]:
        """Pipelines in the order of their names, 50 unless said otherwise. The last name is ``after`` of the next page."""
        filter = options(active=active, after=after, limit=limit)
        return tuple(PipelineListing.of(listing) for listing in await wait(self._native.list(filter)))

    async def history(self, name: str, *, before: Optional[int] = None, limit: int = 0) -> tuple[StoredVersion, ...]:
        """The definitions that a pipeline had, newest first."""
        return tuple(StoredVersion.of(version) for version in await wait(self._native.history(name, before, limit)))

    async def version(self, name: str, version: int) -> StoredVersion:
        """One definition that a pipeline had."""
        return StoredVersion.of(await wait(self._native.version(name, version)))

    async def create(self, pipeline: Pipeline, by: str = "") -> StoredPipeline:
        """Keeps a pipeline under a name that none has."""
        return StoredPipeline.of(await wait(self._native.create(definition(pipeline), by)))

    async def create_new(self, name: str, by: str = "") -> StoredPipeline:
        """Makes a pipeline with the usual stages, all empty."""
        return StoredPipeline.of(await wait(self._native.create_new(name, by)))

    async def copy(self, source: str, target: str, by: str = "") -> StoredPipeline:
        """Makes a pipeline that is like another one."""
        return StoredPipeline.of(await wait(self._native.copy(source, target, by)))

    async def update(self, pipeline: Pipeline, expected: int, by: str = "") -> StoredPipeline:
        """Saves another definition; ``expected`` is the version that it was made from."""
        return StoredPipeline.of(await wait(self._native.update(definition(pipeline), expected, by)))

    async def restore(self, name: str, version: int, expected: int, by: str = "") -> StoredPipeline:
        """Saves an earlier definition again."""
        return StoredPipeline.of(await wait(self._native.restore(name, version, expected, by)))

    async def activate(self, name: str, by: str = "") -> StoredPipeline:
        """Lets it be run again."""
        return StoredPipeline.of(await wait(self._native.activate(name, by)))

    async def deactivate(self, name: str, by: str = "") -> StoredPipeline:
        """Lets it not be run any more."""
        return StoredPipeline.of(await wait(self._native.deactivate(name, by)))

    async def delete(
        self,
        name: str,
        *,
        running: Optional[Literal["refuse", "cancel"]] = None,
        runs: Optional[Literal["keep", "delete"]] = None,
        by: str = "",
    ) -> None:
        """Deletes a pipeline with its history. Refused while a run of it goes on, unless these are to be cancelled."""
        await wait(self._native.delete(name, options(running=running, runs=runs), by))

    async def run(
        self,
        name: str,
        *,
        parameters: Optional[Mapping[str, str]] = None,
        actor: Optional[str] = None,
        trigger: Optional[str] = None,
        commit: Optional[Commit] = None,
        executor: Optional[str] = None,
        source: Optional[Union[str, PathLike[str]]] = None,
        priority: Optional[int] = None,
        fork: Optional[bool] = None,
        secrets: Optional[Mapping[str, Credential]] = None,
        traceparent: Optional[str] = None,
    ) -> Run:
        """Starts a run of a stored pipeline. See :meth:`Engine.start`."""
        request = options(
            parameters=parameters,
            actor=actor,
            trigger=trigger,
            commit=commit,
            executor=executor,
            source=source,
            priority=priority,
            fork=fork,
            secrets=secrets,
            traceparent=traceparent,
        )
        return Run(await wait(self._native.run(name, request)))

    async def save_and_run(
        self,
        pipeline: Pipeline,
        expected: Optional[int],
        *,
        parameters: Optional[Mapping[str, str]] = None,
        actor: Optional[str] = None,
        trigger: Optional[str] = None,
        commit: Optional[Commit] = None,
        executor: Optional[str] = None,
        source: Optional[Union[str, PathLike[str]]] = None,
        priority: Optional[int] = None,
        fork: Optional[bool] = None,
        secrets: Optional[Mapping[str, Credential]] = None,
        traceparent: Optional[str] = None,
    ) -> Run:
        """Saves a definition and starts a run of it, both or neither. ``expected`` is ``None`` for a new pipeline."""
        request = options(
            parameters=parameters,
            actor=actor,
            trigger=trigger,
            commit=commit,
            executor=executor,
            source=source,
            priority=priority,
            fork=fork,
            secrets=secrets,
            traceparent=traceparent,
        )
        return Run(await wait(self._native.save_and_run(definition(pipeline), expected, request)))

    async def latest_run(self, name: str) -> Optional[Run]:
        """The newest run of a pipeline, when there is one."""
        native = await wait(self._native.latest_run(name))
        return None if native is None else Run(native)

    async def stop_latest(self, name: str, by: str = "", reason: str = "") -> Run:
        """Cancels the newest run of a pipeline that has not ended."""
        return Run(await wait(self._native.stop_latest(name, by, reason)))
