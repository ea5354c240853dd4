"""Merging what was just read of a day with what its raw file holds, damaged or not."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from io import BytesIO
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.errors import DamagedFileError
from runs_assets.storage.layout import RAW_RUNS, DayFiles
from runs_assets.storage.raw import CheckedFrame, RawDay, blocks, compressing, finish, run_id, salvaged, stat_day
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets.storage.store import ABSENT, StoredFile
from runs_assets.storage.waits import without_conflict

log = logging.getLogger(__name__)


def store_day(
    files: DayFiles,
    fresh: Spool,
    read: Read,
    id_field: str,
    *,
    is_part: bool = False,
    clock: Callable[[], datetime] | None = None,
    report: Callable[[str], None] = log.warning,
) -> RawDay:
    """Merge what was just read with what the day holds, by id: fresh rows win, runs no longer shown stay.

    `id_field` is the name of the id inside a run. The old file is replaced atomically, and merged again if another
    process has replaced it in the meantime. What the same reading stored before is only added to: the newer judgement
    of its completeness holds, and its runs count as shown. A reading of a part of the day (`is_part`) cannot tell which
    of the others are no longer shown. A reading that began after this one, by the `clock`, and was stored before it by
    another machine, is the latest: its rows stay. Of a damaged file, the lines that can be recovered are merged, but
    nothing of its trailer; it is kept aside, and `report` gets a line about it.
    """
    stored_file = files.file(RAW_RUNS)

    def merged(version: str, lines: Iterable[bytes], earlier: RawDay | None) -> RawDay:
        with stored_file.replacing(version=version) as file:
            frame = CheckedFrame(file)
            with compressing(frame, len(fresh.ids()) + (earlier.rows if earlier else 0)) as out:
                if earlier and clock and read.read_started_at < earlier.read.read_started_at <= clock():
                    added = _add_others(lines, fresh, id_field, out)
                    stored = RawDay(earlier.read.after(read), earlier.rows + added, earlier.retained + added)
                else:
                    shown = fresh.copy_latest(out)
                    others = _copy_others(lines, fresh.ids(), id_field, out)
                    stored = _described(read, earlier, shown, others, is_part=is_part)
            finish(frame, stored)
        return stored

    def once() -> RawDay:
        version = stored_file.version()
        try:
            earlier = stat_day(stored_file) if version != ABSENT else None
            return merged(version, blocks(stored_file) if earlier else (), earlier)
        except DamagedFileError as damage:
            kept = files.keep_aside(RAW_RUNS, read.read_id)
            note = _note(damage, kept, id_field)
        stored = merged(version, salvaged(kept, id_field), None)
        report(note)
        return stored

    return without_conflict(once)


def _described(read: Read, earlier: RawDay | None, shown: int, others: int, *, is_part: bool) -> RawDay:
    if earlier and earlier.read.read_id == read.read_id:
        return RawDay(read.after(earlier.read) if is_part else read, shown + others, earlier.retained)
    known = earlier.retained if earlier else 0
    retained = known if is_part else others
    return RawDay(read.after(earlier.read if earlier else None), shown + others, retained)


def _note(damage: DamagedFileError, kept: StoredFile, id_field: str) -> str:
    recovered = sum(lines.count(b"\n") for lines in salvaged(kept, id_field))
    return (
        f"The stored file was damaged ({damage.why}) and is kept as {kept}; {recovered} of its lines were recovered. "
        "Whether the day is complete is judged by the new reading alone."
    )


def _add_others(lines: Iterable[bytes], fresh: Spool, id_field: str, out: BinaryIO) -> int:
    """Copy stored lines, and after them those of other runs that were just read; returns the number of the latter."""
    ids = []
    for block in lines:
        out.write(block)
        ids.append(_ids(block.splitlines(), id_field))
    latest = BytesIO()
    fresh.copy_latest(latest)
    return _copy_others([latest.getvalue()], pa.chunked_array(ids, pa.string()), id_field, out)


def _copy_others(before: Iterable[bytes], ids: pa.ChunkedArray, id_field: str, out: BinaryIO) -> int:
    """Copy the lines of runs that are not among `ids`; returns their number."""
    copied = 0
    for block in before:
        lines = [line + b"\n" for line in block.splitlines()]
        others = np.flatnonzero(~pc.is_in(_ids(lines, id_field), value_set=ids).to_numpy(zero_copy_only=False))
        out.write(b"".join([lines[index] for index in others]))
        copied += len(others)
    return copied


def _ids(lines: Iterable[bytes], id_field: str) -> pa.Array:
    return pa.array([run_id(line, id_field) for line in lines], pa.string())
