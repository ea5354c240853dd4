"""Keeping a damaged file aside, so that what takes its place destroys nothing that could be restored."""

import shutil
from pathlib import Path

from runs_assets.storage.files import replacing


def keep_aside(damaged: Path, kept: Path, scratch: Path) -> None:
    """Copy a damaged file to where no reader takes it for data; raises `StorageError` if the disk refuses.

    A copy, not a rename: the day has a file under its name at every instant.
    """
    with replacing(kept, scratch) as copy, damaged.open("rb") as file:
        shutil.copyfileobj(file, copy)
