"""What faults do to rows: tell one from another, choose some, print another creation time, change them one by one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import overload
from zlib import crc32

from runs_assets.sandbox.history import Row


def is_cloudcruise(row: Row) -> bool:
    """Return whether it is a row of CloudCruise, else of Productsup."""
    return "created_at" in row.body


def identity(row: Row) -> str:
    """Return the run's id as text."""
    return str(row.body.get("session_id" if is_cloudcruise(row) else "id"))


def number_of(row: Row) -> int:
    """Return a number from 0 to 2**32 - 1 that depends on nothing but the run's id."""
    return crc32(identity(row).encode(errors="replace"))


def is_chosen(row: Row, every: int) -> bool:
    """Return whether the run is of the `every`-th part of all runs that a fault chooses; always the same ones."""
    return number_of(row) % every == 0


def changed(row: Row, fields: Mapping[str, object]) -> Row:
    """Return the row with some fields printed otherwise."""
    return replace(row, body={**row.body, **fields})


def created_field(row: Row) -> str:
    """Return the name of the field that prints the creation time."""
    return "created_at" if is_cloudcruise(row) else "created-at"


def moved(row: Row, created_at: datetime) -> Row:
    """Return the row as if it had been created at another time, and printed so."""
    text = created_at.isoformat()
    printed = text.replace("+00:00", "Z") if is_cloudcruise(row) else text
    return replace(changed(row, {created_field(row): printed}), created_at=created_at)


def copied(row: Row, mark: str) -> Row:
    """Return another run that is like this one; `mark` is added to its id."""
    field = "session_id" if is_cloudcruise(row) else "id"
    return changed(row, {field: f"{identity(row)}-{mark}"})


class Each(Sequence[Row]):
    """Rows that are changed one by one, each when it is looked at: a page changes only itself."""

    def __init__(self, rows: Sequence[Row], change: Callable[[Row], Row]) -> None:
        self._rows = rows
        self._change = change

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return map(self._change, self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._change(row) for row in self._rows[index]]
        return self._change(self._rows[index])
