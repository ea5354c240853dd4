"""Rows of a day that cannot be stored as runs: JSON lines with the reason, in one zstd frame."""

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import zstandard

from runs_assets.errors import DamagedFileError
from runs_assets.storage.layout import QUARANTINE, DayFiles, Layout
from runs_assets.storage.raw import compressing
from runs_assets.storage.waits import without_conflict

_REMEDY = "Materialize raw_runs again for the day: the file is replaced, and a copy of the damaged one is kept."


def store_quarantine(
    files: DayFiles,
    lines: list[dict[str, Any]],
    *,
    read_id: str,
    add: bool = False,
    report: Callable[[str], None],
) -> None:
    """Replace the quarantined rows of a day, or `add` to them; remove the file if there are none.

    A damaged file that is to be added to is kept aside under `read_id`, and `report` gets a line about it.
    """
    target = files.file(QUARANTINE)

    def once() -> None:
        version, before = target.version(), _before(files, read_id, report) if add else []
        kept = [*(line for line in before if line not in lines), *lines]
        if not kept:
            target.remove()
            return
        with target.replacing(version=version) as file, compressing(file) as out:
            out.write(msgspec.json.Encoder().encode_lines(kept))

    without_conflict(once)


def _before(files: DayFiles, read_id: str, report: Callable[[str], None]) -> list[dict[str, Any]]:
    try:
        return load_quarantine(files.layout, files.source, files.day)
    except DamagedFileError as damage:
        kept = files.keep_aside(QUARANTINE, read_id)
        report(f"The stored quarantine was damaged ({damage.why}) and is kept as {kept}; a new one was begun.")
        return []


def load_quarantine(layout: Layout, source: str, day: date) -> list[dict[str, Any]]:
    """The quarantined rows of a day; none if there is no file.

    Raises `StorageError` if the file cannot be read, `DamagedFileError` if it is damaged.
    """
    file = layout.day_file(QUARANTINE, source, day)
    if (content := file.content()) is None:
        return []
    decoder = zstandard.ZstdDecompressor().decompressobj()
    try:
        lines = msgspec.json.Decoder().decode_lines(decoder.decompress(content))
    except (zstandard.ZstdError, ValueError) as error:
        raise DamagedFileError(file, "it cannot be decoded", _REMEDY) from error
    if not decoder.eof or decoder.unused_data:
        raise DamagedFileError(file, "its end is not where it should be", _REMEDY)
    return lines
