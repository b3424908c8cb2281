# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""The engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Literal, Optional, Union

from .. import _native
from .._adapters import adapted_action, adapted_executor, adapted_provider, adapted_test
from .._credentials import Credential, CredentialTest, SecretProvider, TargetKind
from .._document import Duration, Pipeline
from .._executors import S3, ImageBuilder, Keeping, KeyFile, KeyVariable, KnownExecutor, blobs
from .._options import Commit, Retention, definition, options, text
from .._plugins import Action, ActionFunction, Executor, SimpleExecutor
from .._records import (
    AuditEntry,
    BackupReport,
    Capabilities,
    DrainReport,
    LogCursor,
    LogPage,
    RunListing,
    RunStatus,
)
from .._scripted import Clock, Scripted
from ._wait import home_loop, wait
from .clusters import Clusters
from .credentials import Credentials
from .pipelines import Pipelines
from .run import Run
from .sources import Registries, Sources
from .streams import EngineEvents


class Engine:
    """An engine on a data directory. :meth:`open` makes one.

    It is a context manager that closes itself: steps go on, and the next engine on the directory takes them up.
    """

    def __init__(self, native: _native.Engine) -> None:
        self._native = native
        self.recovered: tuple[str, ...] = tuple(native.recovered)
        """The runs that an earlier engine left unfinished and that this one took up, oldest first."""
        self.pipelines = Pipelines(native.pipelines)
        """The stored pipelines."""
        self.credentials = Credentials(native.credentials)
        """The credentials that this engine keeps."""
        self.clusters = Clusters(native.clusters)
        """The Kubernetes clusters that it knows by name."""
        self.sources = Sources(native.sources)
        """The git repositories from which it fetches."""
        self.registries = Registries(native.registries)
        """The registries of images that it reaches."""

    @classmethod
    def open(
        cls,
        *,
        data_dir: Optional[Union[str, PathLike[str]]] = None,
        executors: Optional[Mapping[str, Union[SimpleExecutor, Executor, KnownExecutor, Scripted]]] = None,
        actions: Optional[Mapping[str, Union[Action, ActionFunction]]] = None,
        secrets: Optional[Sequence[SecretProvider]] = None,
        credential_tests: Optional[Mapping[TargetKind, CredentialTest]] = None,
        default_executor: Optional[str] = None,
        pass_env: Optional[Sequence[str]] = None,
        max_tasks: Optional[int] = None,
        max_runs: Optional[int] = None,
        max_runs_per_pipeline: Optional[int] = None,
        max_log_bytes: Optional[int] = None,
        retention: Optional[Retention] = None,
        store_blobs: Optional[Union[str, PathLike[str], S3]] = None,
        keeping: Optional[Keeping] = None,
        master_key: Optional[Union[KeyFile, KeyVariable]] = None,
        images: Optional[ImageBuilder] = None,
        base_url: Optional[str] = None,
        control: Optional[bool] = None,
        clock: Optional[Clock] = None,
    ) -> Engine:
        """Opens an engine, and takes up every run that an earlier one left unfinished.

        :param data_dir: the folder that holds everything; ``.windlass`` unless set. One engine at a time.
        :param executors: executors under their names: one's own, and those that come with Windlass. The first one is the default.
            Without any, ``local`` and ``docker`` are there, and each cluster that the engine keeps, by its name.
        :param actions: actions of one's own under their names: an :class:`Action`, or a function that takes the context.
        :param secrets: other places in which credentials are looked for, in this order.
        :param credential_tests: how credentials are tried on targets of a kind, in the place of what comes with Windlass.
        :param default_executor: the executor of runs and pipelines that name none; the first one unless set.
        :param pass_env: variables of this process that steps of the ``local`` executor get beside ``PATH`` and ``HOME``.
        :param max_tasks: how many tasks run at once, over all runs; twice the processors unless set.
        :param max_runs: how many runs go at once.
        :param max_runs_per_pipeline: how many runs of one pipeline go at once.
        :param max_log_bytes: how long the log of an attempt may be; 1 GiB unless set.
        :param retention: which finished runs are deleted; none unless set.
        :param store_blobs: where caches and artifacts are kept: a folder, or a bucket; in the data directory unless set.
        :param keeping: how much of caches and artifacts is kept.
        :param master_key: where the key comes from that seals credentials; the file ``master.key`` of the data directory unless set.
        :param images: where ``buildImage`` builds images; the Docker engine of the environment unless set.
        :param base_url: the portal's address, from which ``BUILD_URL`` is made.
        :param control: whether the command ``windlass`` can reach this engine from another terminal; true unless set.
        :param clock: another clock than the machine's, for tests.

        Raises :class:`ConflictError` with the code ``locked`` when another process holds the directory.
        """
        given = options(
            data_dir=data_dir,
            default_executor=default_executor,
            pass_env=pass_env,
            max_tasks=max_tasks,
            max_runs=max_runs,
            max_runs_per_pipeline=max_runs_per_pipeline,
            max_log_bytes=max_log_bytes,
            retention=retention,
            blobs=blobs(store_blobs),
            keeping=keeping,
            master_key=master_key,
            images=images,
            base_url=base_url,
            control=control,
        )
        loop = home_loop()
        own_executors = {name: adapted_executor(executor, loop) for name, executor in (executors or {}).items()}
        own_actions = {name: adapted_action(action, loop) for name, action in (actions or {}).items()}
        providers = [adapted_provider(provider, loop) for provider in secrets or ()]
        tests = {kind: adapted_test(test, loop) for kind, test in (credential_tests or {}).items()}
        time = None if clock is None else clock.native
        return cls(wait(_native.open(given, own_executors, own_actions, providers, tests, time)))

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def start(
        self,
        pipeline: Union[Pipeline, Mapping[str, Any]],
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
        """Starts a run of a definition, which need not be that of a stored pipeline. Returns when the run is durable.

        :param parameters: values of dynamic parameters.
        :param actor: who starts it, as an opaque name of the portal.
        :param trigger: what starts it; ``manual`` unless set.
        :param commit: the commit for which it runs, as far as it is known.
        :param executor: runs the steps on this executor, whatever the pipeline says.
        :param source: a folder whose files are in the workspace at the start; what git ignores stays out.
        :param priority: runs with a higher priority leave the queue first; 0 unless set.
        :param fork: whether what it builds comes from a fork, as the merge requests of strangers do: it reads caches, and leaves none.
        :param secrets: credentials for this run alone, by the names that its tasks know. They are gone when it has ended.
        :param traceparent: the W3C trace context of what asks for the run.

        Raises :class:`InvalidError` with all mistakes of the definition and the parameters in ``problems``.
        """
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
        return Run(wait(self._native.start(definition(pipeline), request)))

    def run(self, id: str) -> Run:
        """The handle of a run."""
        return Run(wait(self._native.run(id)))

    def find(self, text: str) -> Run:
        """The run that a person means: an id, the beginning of one, ``PIPELINE#NUMBER``, ``PIPELINE#latest``, ``latest``."""
        return Run(wait(self._native.find(text)))

    def runs(
        self,
        *,
        pipeline: Optional[str] = None,
        status: Optional[Sequence[RunStatus]] = None,
        trigger: Optional[str] = None,
        actor: Optional[str] = None,
        since: Optional[datetime] = None,
        until: Optional[datetime] = None,
        before: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> list[RunListing]:
        """Runs, newest first; 50 unless said otherwise. The id of the last one is ``before`` of the next page."""
        filter = options(
            pipeline=pipeline,
            status=status,
            trigger=trigger,
            actor=actor,
            since=since,
            until=until,
            before=before,
            limit=limit,
        )
        return [RunListing.of(listing) for listing in wait(self._native.runs(filter))]

    def events(
        self,
        *,
        after: int = 0,
        pipelines: Optional[Sequence[str]] = None,
        run: Optional[str] = None,
        types: Optional[Sequence[str]] = None,
        logs: Optional[bool] = None,
        changes: Optional[bool] = None,
    ) -> EngineEvents:
        """What happened after a position in all runs and pipelines, and what happens from now on; without logs unless asked."""
        filter = options(pipelines=pipelines, run=run, types=types, logs=logs, changes=changes)
        return EngineEvents(self._native.events(after, filter), after)

    def newest(self) -> int:
        """The position of what was committed last."""
        position: int = wait(self._native.newest())
        return position

    def search(
        self,
        pattern: str,
        *,
        regex: Optional[bool] = None,
        ignore_case: Optional[bool] = None,
        task: Optional[str] = None,
        limit: Optional[int] = None,
        after: Optional[LogCursor] = None,
        pipeline: Optional[str] = None,
        status: Optional[Sequence[RunStatus]] = None,
        runs: Optional[int] = None,
    ) -> LogPage:
        """Searches the logs of runs, newest first. ``runs`` bounds how many are looked at for one page."""
        query = options(pattern=pattern, regex=regex, ignore_case=ignore_case, task=task, limit=limit, after=after)
        filter = options(pipeline=pipeline, status=status, limit=runs)
        return LogPage.of(wait(self._native.search(filter, query)))

    def audit(
        self,
        *,
        by: Optional[str] = None,
        pipeline: Optional[str] = None,
        run: Optional[str] = None,
        before: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> list[AuditEntry]:
        """Who changed what, newest first."""
        filter = options(by=by, pipeline=pipeline, run=run, before=before, limit=limit)
        return [AuditEntry.of(entry) for entry in wait(self._native.audit(filter))]

    def capabilities(self, executor: str) -> Optional[Capabilities]:
        """What an executor can do. ``None`` when there is none of this name."""
        document = self._native.capabilities(executor)
        return None if document is None else Capabilities.of(document)

    def prune(self) -> list[str]:
        """Deletes at once the runs that ``retention`` does not keep, and returns their ids."""
        gone: list[str] = wait(self._native.prune())
        return gone

    def backup(self, path: Union[str, PathLike[str]], by: str = "") -> BackupReport:
        """Copies everything that the engine keeps while it goes on. The result is itself a data directory."""
        return BackupReport.of(wait(self._native.backup(fspath(path), by)))

    def drain(self, limit: Optional[timedelta] = None) -> DrainReport:
        """Lets no further run go, and waits until those that were let go are over, or until the limit has passed."""
        milliseconds = None if limit is None else limit // timedelta(milliseconds=1)
        return DrainReport.of(wait(self._native.drain(milliseconds)))

    def shutdown(
        self,
        how: Literal["drain", "leaveRunning", "cancel"],
        *,
        limit: Optional[Duration] = None,
        by: Optional[str] = None,
        reason: Optional[str] = None,
    ) -> DrainReport:
        """Ends the engine: runs go on to their end (``drain``, at most ``limit``), without it, or are cancelled."""
        asked: Any = how
        if how != "leaveRunning":
            given = {"limit": limit, "by": by, "reason": reason}
            asked = {how: {name: value for name, value in given.items() if value is not None}}
        return DrainReport.of(wait(self._native.shutdown(text(asked))))

    def close(self) -> None:
        """Closes the engine. Steps go on; the next engine on the data directory takes them up."""
        wait(self._native.close())
