"""Merging what was just read of a day with what its raw file holds, damaged or not."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.errors import DamagedFileError
from runs_assets.storage.damage import keep_aside
from runs_assets.storage.files import is_stored, replacing
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.raw import RawDay, blocks_of, compressing, finish, run_id, salvaged, verified
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Before:
    """What a day held: blocks of lines, what the file said of itself (None if there is none to trust), and a note."""

    lines: Iterable[bytes] = ()
    day: RawDay | None = None
    note: str | None = None


def store_day(  # noqa: PLR0913
    layout: Layout,
    source: str,
    day: date,
    fresh: Spool,
    read: Read,
    id_field: str,
    *,
    is_part: bool = False,
    tell: Callable[[str], None] = log.warning,
) -> RawDay:
    """Merge what was just read with what the day holds, by id: fresh rows win, runs no longer shown stay.

    `id_field` is the name of the id inside a run. The old file is replaced atomically. What the same reading stored
    before is only added to: its verdict is the later one, and its runs count as shown. A reading of a part of the day
    (`is_part`) cannot tell which of the others are no longer shown. Of a damaged file, what can be recovered is merged,
    its verdict is not; the file is kept aside, and `tell` gets the sentence that says so.
    """
    target = layout.day_file(RAW_RUNS, source, day)
    before = _before(layout, source, day, read.read_id, id_field)
    with replacing(target, layout.scratch(source)) as file:
        with compressing(file) as out:
            shown = fresh.copy_latest(out)
            others = _copy_others(before.lines, fresh.ids(), id_field, out)
        stored = _worth(read, before.day, shown, others, is_part=is_part)
        finish(file, stored)
    if before.note:
        tell(before.note)
    return stored


def _worth(read: Read, earlier: RawDay | None, shown: int, others: int, *, is_part: bool) -> RawDay:
    if earlier and earlier.read.read_id == read.read_id:
        return RawDay(read.after(earlier.read) if is_part else read, shown + others, earlier.retained)
    known = earlier.retained if earlier else 0
    retained = known if is_part else others
    return RawDay(read.after(earlier.read if earlier else None), shown + others, retained)


def _before(layout: Layout, source: str, day: date, read_id: str, id_field: str) -> _Before:
    path = layout.day_file(RAW_RUNS, source, day)
    if not is_stored(path):
        return _Before()
    try:
        day_before = verified(path)
        return _Before(blocks_of(path, day_before), day_before)
    except DamagedFileError as damage:
        kept = layout.damaged_file(RAW_RUNS, source, day, read_id)
        keep_aside(path, kept, layout.scratch(source))
        return _Before(salvaged(path, id_field), note=_note(damage, kept, id_field))


def _note(damage: DamagedFileError, kept: Path, id_field: str) -> str:
    recovered = sum(lines.count(b"\n") for lines in salvaged(kept, id_field))
    return (
        f"The stored file was damaged ({damage.why}) and is kept as {kept}; {recovered} of its lines were recovered. "
        "Whether the day is complete is judged by the new reading alone."
    )


def _copy_others(before: Iterable[bytes], ids: pa.ChunkedArray, id_field: str, out: BinaryIO) -> int:
    """Copy the lines of runs that are not among `ids`; returns their number."""
    copied = 0
    for block in before:
        lines = [line + b"\n" for line in block.splitlines()]
        stored = pa.array([run_id(line, id_field) for line in lines], pa.string())
        others = np.flatnonzero(~pc.is_in(stored, value_set=ids).to_numpy(zero_copy_only=False))
        out.write(b"".join([lines[index] for index in others]))
        copied += len(others)
    return copied
