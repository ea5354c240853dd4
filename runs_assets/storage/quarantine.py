"""Rows of a day that cannot be stored as runs: JSON lines with the reason, in one zstd frame."""

from collections.abc import Callable
from datetime import date
from typing import Any

import orjson
import zstandard

from runs_assets.errors import DamagedFileError
from runs_assets.storage.damage import keep_aside
from runs_assets.storage.files import is_stored, reading, remove, replacing
from runs_assets.storage.layout import QUARANTINE, Layout
from runs_assets.storage.raw import compressing

_REMEDY = "Materialize raw_runs again for the day: it is written anew, and the damaged one is kept aside."


def store_quarantine(
    layout: Layout,
    source: str,
    day: date,
    lines: list[dict[str, Any]],
    *,
    read_id: str,
    add: bool = False,
    tell: Callable[[str], None],
) -> None:
    """Replace what is set aside of a day, or `add` to it; remove the file where there is nothing.

    A damaged file that is to be added to is kept aside under `read_id`, and `tell` gets the sentence that says so.
    """
    target = layout.day_file(QUARANTINE, source, day)
    if add:
        before = _sound_lines(layout, source, day, read_id, tell)
        lines = [*(line for line in before if line not in lines), *lines]
    if not lines:
        remove(target)
        return
    with replacing(target, layout.scratch(source)) as file, compressing(file) as out:
        out.write(b"".join([orjson.dumps(line) + b"\n" for line in lines]))


def _sound_lines(
    layout: Layout, source: str, day: date, read_id: str, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    try:
        return load_quarantine(layout, source, day)
    except DamagedFileError as damage:
        kept = layout.damaged_file(QUARANTINE, source, day, read_id)
        keep_aside(damage.path, kept, layout.scratch(source))
        tell(f"The stored quarantine was damaged ({damage.why}) and is kept as {kept}; it begins anew.")
        return []


def load_quarantine(layout: Layout, source: str, day: date) -> list[dict[str, Any]]:
    """What is set aside of a day, nothing if there is no file.

    Raises `StorageError` if the file cannot be read, `DamagedFileError` if it is damaged.
    """
    path = layout.day_file(QUARANTINE, source, day)
    if not is_stored(path):
        return []
    with reading(path) as file:
        content = file.read()
    decoder = zstandard.ZstdDecompressor().decompressobj()
    try:
        lines = [orjson.loads(line) for line in decoder.decompress(content).splitlines()]
    except (zstandard.ZstdError, ValueError) as error:
        raise DamagedFileError(path, "it cannot be decoded", _REMEDY) from error
    if not decoder.eof or decoder.unused_data:
        raise DamagedFileError(path, "its end is not where it should be", _REMEDY)
    return lines
