"""A data directory from a backup."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Union

from .. import _native
from .._records import RestoreReport
from ._wait import wait


async def restore(backup: Union[str, PathLike[str]], data_dir: Union[str, PathLike[str]]) -> RestoreReport:
    """Makes a data directory from a backup. It must not be there, or be an empty folder; the backup stays as it is."""
    return RestoreReport.of(await wait(_native.restore(fspath(backup), fspath(data_dir))))
