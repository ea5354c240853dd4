"""The ledger of a source: what the files of each of its days say, in one small file.

It spares those who judge years of days, as ticks do every minute, the opening of several files a day. It is a cache,
and the files alone are right. So a row may be missing or in doubt, which costs a look at the files of its day; but it
must not say what the files no longer do. Whoever changes a day's files has its row in doubt before; who asks about the
day next looks at them, and takes the doubt away.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec
import zstandard
from msgspec import structs

from runs_assets.days import DayRange, in_turn
from runs_assets.errors import DamagedFileError, RunsAssetsError, StorageError
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.raw import RawDay, stat_day
from runs_assets.storage.reads import Read
from runs_assets.storage.store import StoredFile
from runs_assets.storage.tables import Lineage, load_lineage
from runs_assets.storage.waits import without_conflict

log = logging.getLogger(__name__)
T = TypeVar("T")
VERSION = 1
LOOKS_AT_ONCE, KEPT_AT_ONCE = 16, 500
DAYS_ON_A_DISK, DAYS_IN_A_REQUEST = 50, 1000
"""Of so many days the versions of files are compared at a time."""


class BuiltTable(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a day's table was built from, as its `Lineage` has it; `read` is None if it is that of the raw file."""

    code_version: str
    open_runs: int
    settled: bool
    assumed_utc: int
    unreadable_times: int
    read: Read | None

    @classmethod
    def of(cls, lineage: Lineage, raw: RawDay | None) -> "BuiltTable":
        """What the ledger keeps of a lineage."""
        return cls(**{**vars(lineage), "read": None if raw and lineage.read == raw.read else lineage.read})


class DayRow(msgspec.Struct, frozen=True, gc=False):
    """What the files of a day said when they were looked at.

    `versions` are those of the files, by data set. `raw` is what the raw file holds, or `damage` why it cannot be used.
    A table that is missing or damaged is not among the `tables`. A row that is `in_doubt` may be behind the files.
    """

    versions: dict[str, str] = {}
    raw: RawDay | None = None
    damage: str | None = None
    tables: dict[str, BuiltTable] = {}
    in_doubt: bool = False


Rows = Mapping[date, DayRow]
NOTHING = DayRow()


class _PlainRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row, with the number of its tables."""

    versions: dict[str, str]
    raw: RawDay | None
    damage: str | None
    tables: int
    in_doubt: bool


class _Document(msgspec.Struct, frozen=True):
    """The file: its rows are of use to those alone who build the same `tables`.

    Most days have the same `built` tables, which are there once.
    """

    version: int
    tables: list[str]
    built: list[dict[str, BuiltTable]]
    rows: dict[date, _PlainRow]


@dataclass(frozen=True)
class Ledger:
    """What is known of a source's days; `tables` are the data sets that are built from its raw files."""

    layout: Layout
    source: str
    tables: Collection[str]

    def rows(self, days: Collection[date] | None = None, turn: int | None = None) -> Rows:
        """What is known, of `days` in any case: the files of those that are not, or are in doubt, are looked at.

        With a `turn`, the files of a part of the days, at each turn of another one, are compared with the versions that
        they had when they were looked at. What they say is kept, unless another process has the right to write the
        source, or the disk refuses. None stands for all stored days.
        """
        known = self._known_or_nothing()
        if days is None or not known:
            days = {*(known or self._versions()), *(days or ())}
        unknown = {day for day in days if (row := known.get(day)) is None or row.in_doubt}
        changed = set() if turn is None else self._changed_since(days, known, turn)
        return self._with(known, unknown | changed)

    def compared(self, data_sets: Sequence[str] = ()) -> tuple[Rows, set[date]]:
        """The same of all stored days after all files, or those of some `data_sets`, were listed.

        And the days that the ledger had wrong. A damaged file is looked at again: it may be mended and have its old
        version.
        """
        data_sets = data_sets or self._data_sets
        known, stored = self._known_or_nothing(), self._versions(None, data_sets)
        days = known.keys() | stored.keys()
        other = {day for day in days if _is_other(known.get(day, NOTHING), stored.get(day, {}), data_sets)}
        doubted = {day for day, row in known.items() if row.in_doubt}
        damaged = {day for day, row in known.items() if row.damage}
        return self._with(known, other | doubted | damaged), other & known.keys() - doubted

    def _known_or_nothing(self) -> Rows:
        try:
            return self.known()
        except StorageError as error:
            log.warning("The ledger of %s is not used. %s", self.source, error)
            return {}

    def _with(self, known: Rows, unknown: set[date]) -> Rows:
        """The rows after a look at what is not known; kept if that is possible now."""
        if not unknown:
            return known
        try:
            with self.layout.lock_file(self.source).held(self.source, patience=0):
                return self.look_again(unknown)
        except RunsAssetsError as error:
            log.info("The ledger of %s stays as it is. %s", self.source, error)
        return {**known, **self.looked(unknown, known)}

    def _changed_since(self, days: Collection[date], known: Rows, turn: int) -> set[date]:
        """Of a part of some days, those of which a file is not as it is `known`."""
        is_remote = self.layout.store.is_remote
        most = DAYS_IN_A_REQUEST if is_remote else DAYS_ON_A_DISK
        asked, turn = in_turn(sorted(day for day in days if day in known), most, turn)
        data_sets = self._data_sets if not is_remote else [self._data_sets[turn % len(self._data_sets)]]
        found = self._versions(asked, data_sets)
        return {day for day, own in found.items() if _is_other(known[day], own, data_sets)}

    def look_again(self, days: Collection[date]) -> Rows:
        """Look at the files of some days, and keep what they say. Only for the holder of the source's right.

        It is kept for a part of them at a time, so that a process that is killed has not worked for nothing. Where
        nothing is known, all other stored days are in doubt afterwards.
        """
        newest_first = sorted(days, reverse=True)
        starts = range(0, max(len(newest_first), 1), KEPT_AT_ONCE)
        return [self._replaced(self._known_or_doubted, newest_first[at : at + KEPT_AT_ONCE]) for at in starts][-1]

    def rebuild(self) -> Rows:
        """Look at all files, whatever was known. Only for the holder of the source's right."""
        return self._replaced(dict, None)

    def _replaced(self, former: Callable[[], Rows], days: Collection[date] | None) -> Rows:
        file = self.layout.ledger_file(self.source)

        def once() -> Rows:
            version, known = file.version(), former()
            rows = {**known, **self.looked(days, known)}
            _store(file, sorted(self.tables), rows, version)
            return rows

        return without_conflict(once)

    def _known_or_doubted(self) -> Rows:
        return self.known() or dict.fromkeys(self._versions(), DayRow(in_doubt=True))

    def looked(self, days: Collection[date] | None, known: Rows) -> Rows:
        """What the files of some days say; those that are as they were when they became `known` are not opened."""
        versions = self._versions(days)
        with ThreadPoolExecutor(LOOKS_AT_ONCE if self.layout.store.is_remote else 1) as pool:
            looks = pool.map(lambda day: self._look(day, known.get(day, NOTHING), versions[day]), versions)
            return dict(zip(versions, looks, strict=True))

    def known(self) -> Rows:
        """What is in the ledger; nothing if there is none of use. Raises `StorageError` if it cannot be read."""
        tables, rows = decoded(self.layout.ledger_file(self.source).content())
        return rows if tables == sorted(self.tables) else {}

    @property
    def _data_sets(self) -> tuple[str, ...]:
        return (RAW_RUNS, QUARANTINE, *self.tables)

    def _versions(
        self, days: Collection[date] | None = None, data_sets: Sequence[str] | None = None
    ) -> dict[date, dict[str, str]]:
        """Those of the files of some days, by data set; None stands for all stored days, or for all data sets."""
        versions: dict[date, dict[str, str]] = {day: {} for day in days or ()}
        for data_set in data_sets or self._data_sets:
            of = (data_set, self.source)
            found = self.layout.entries(*of) if days is None else self.layout.found(*of, days)
            for day, entry in found.items():
                versions.setdefault(day, {})[data_set] = entry.version
        return versions

    def _look(self, day: date, former: DayRow, found: Mapping[str, str]) -> DayRow:
        """A row's versions are looked up before the files are read: they may be behind what it says, but not ahead."""
        versions = dict(found)  # without those of files that cannot be read at the moment
        is_same = versions.get(RAW_RUNS) == former.versions.get(RAW_RUNS) and not former.damage
        raw, damage, tables = former.raw, former.damage, {}
        if not is_same:
            file = self.layout.day_file(RAW_RUNS, self.source, day)
            raw, damage = _usable(RAW_RUNS, versions, partial(stat_day, file))
        for name in self.tables:
            if is_same and versions.get(name) == former.versions.get(name):
                table = former.tables.get(name)
            else:
                lineage, _ = _usable(name, versions, partial(load_lineage, self.layout, name, self.source, day))
                table = BuiltTable.of(lineage, raw) if lineage else None
            if table:
                tables[name] = table
        return DayRow(versions, raw, damage, tables, in_doubt=versions != found)


def _is_other(row: DayRow, found: Mapping[str, str], data_sets: Collection[str]) -> bool:
    """Whether a file of some data sets is not in the version that a row has."""
    return any(found.get(one) != row.versions.get(one) for one in data_sets)


def _usable(data_set: str, versions: dict[str, str], look: Callable[[], T]) -> tuple[T | None, str | None]:
    """What a look at a file gives, or why it cannot be used: unless it is damaged, its version is then taken away."""
    if data_set not in versions:
        return None, None
    try:
        return look(), None
    except StorageError as error:
        if not isinstance(error, DamagedFileError):
            del versions[data_set]
        return None, str(error)


def wrong_days(days: Collection[date]) -> str:
    """What to say of days that the ledger had wrong."""
    span = f"{len(days)} days from {min(days)} to {max(days)}"
    return f"The ledger had what is no longer in the files of {span}; it was put right."


def doubt(layout: Layout, source: str, days: DayRange) -> None:
    """Have the rows of some days in doubt, before their files are changed. Only for the holder of the source's right.

    Raises `StorageError` if the ledger cannot be read or written: then the files must not be changed.
    """
    file = layout.ledger_file(source)

    def once() -> None:
        version, content = file.version(), file.content()
        if content is None:
            return
        tables, known = decoded(content)
        rows = {day: known.get(day, NOTHING) for day in days.newest_first()}
        doubted = {day: structs.replace(row, in_doubt=True) for day, row in rows.items() if not row.in_doubt}
        if doubted:
            _store(file, tables, {**known, **doubted}, version)

    without_conflict(once)


@lru_cache(maxsize=8)
def decoded(content: bytes | None) -> tuple[list[str], Rows]:
    """The tables and the rows in the file; none if there is none, it is damaged, or of another version."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(content or b"")
        found = msgspec.json.decode(plain, type=_Document)
        rows = {
            day: DayRow(row.versions, row.raw, row.damage, found.built[row.tables], row.in_doubt)
            for day, row in found.rows.items()
        }
    except (zstandard.ZstdError, msgspec.DecodeError, IndexError, MemoryError):  # a wrong bit may ask for any size
        return [], {}
    return (found.tables, rows) if found.version == VERSION else ([], {})


def _store(file: StoredFile, tables: list[str], rows: Rows, version: str) -> None:
    numbers: dict[Any, int] = {}
    plain = {}
    for day, row in rows.items():
        number = numbers.setdefault((*row.tables.items(),), len(numbers))
        plain[day] = _PlainRow(row.versions, row.raw, row.damage, number, row.in_doubt)
    document = _Document(VERSION, tables, [dict(built) for built in numbers], plain)
    compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
    file.replace(compressor.compress(msgspec.json.encode(document)), version=version)
