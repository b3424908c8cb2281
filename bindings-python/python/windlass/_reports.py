"""What runs leave behind beside their logs: results of tests, remarks, artifacts, caches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Optional

from ._moment import moment
from ._record import Record, each, read


@dataclass(frozen=True)
class FailedTest(Record):
    """A test that did not pass."""

    class_: str
    """Its class or module; may be empty."""
    name: str
    outcome: Literal["failed", "error"]
    message: str
    """What was said, in short; may be empty."""
    details: str
    """What was said, at length."""
    suite: tuple[str, ...] = each(str)
    """The suites in which it stands, from the outside in."""
    file: Optional[str] = None
    """The file in which the test stands, as far as it is told."""
    line: Optional[int] = None


@dataclass(frozen=True)
class TestReport(Record):
    """The results of tests, whole."""

    __test__ = False
    tests: int
    passed: int
    failed: int
    errors: int
    """Those that could not be carried out."""
    skipped: int
    duration_ms: int
    failures: tuple[FailedTest, ...] = each(FailedTest.of)
    """The failed ones and those with errors; at most 500."""


@dataclass(frozen=True)
class TestSummary(Record):
    """The results of tests as events and summaries have them: all counts, and the first failures in short."""

    __test__ = False
    tests: int
    passed: int
    failed: int
    errors: int
    """Those that could not be carried out."""
    skipped: int
    duration_ms: int
    files: int
    """How many files were read."""
    unreadable: int = 0
    """How many files could not be read: what they say of tests is missing here."""
    failures: tuple[FailedTest, ...] = each(FailedTest.of)
    """The first failed tests, at most 20, with short texts."""
    object: Optional[str] = None
    """The object with the whole report, when it says more than this."""


@dataclass(frozen=True)
class Annotation(Record):
    """A remark about a place in a file."""

    file: str
    line: int
    level: Literal["note", "warning", "error"]
    message: str
    column: Optional[int] = None


@dataclass(frozen=True)
class StoredArtifact(Record):
    """An artifact as events and summaries have it."""

    name: str
    object: str
    """Where it is kept."""
    files: int
    """How many files are in it."""
    bytes: int
    """Their sizes together."""
    size: int
    """The size of its archive, a gzipped tar."""
    sha256: str
    """SHA-256 of the archive in hexadecimal digits."""
    until: Optional[datetime] = read(moment)
    """When it is removed; with its run when ``None``."""


@dataclass(frozen=True)
class RunArtifact(Record):
    """An artifact of a run."""

    name: str
    """Its name; unique among those of its task."""
    task: str
    """The task that left it."""
    attempt: int
    run: str
    """The run that did: an earlier one, for a task that was not done again."""
    files: int
    """How many files are in it."""
    bytes: int
    """Their sizes together."""
    size: int
    """The size of its archive, a gzipped tar."""
    sha256: str
    """SHA-256 of the archive in hexadecimal digits."""
    until: Optional[datetime] = read(moment)
    """When it is removed; with its run when ``None``."""


@dataclass(frozen=True)
class RestoredCache(Record):
    """A cache that was looked for."""

    key: str
    """The key that was wanted."""
    from_: Optional[str] = None
    """The key of the one that was found; ``None`` when there was none."""
