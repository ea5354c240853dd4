"""From an answer's JSON rows to a page: what may be stored of each row, and which rows are bad and why."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from runs_assets.days import iso
from runs_assets.http.redaction import SCALARS, without_secrets
from runs_assets.paging.page import NO_TIME, Page
from runs_assets.sources.columns import instants_us

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class RowShape:
    """Which fields of a platform's rows mean what; `known` are those that may be stored as they are."""

    id_field: str
    created_field: str
    known: frozenset[str]


@dataclass(frozen=True)
class RunPage(Page):
    """A page with its rows: `rows[i]` is what may be stored of row i, None if it is bad (then `bad` has it).

    `observed_at` is when the answer arrived, UTC.
    """

    rows: list[dict[str, Any] | None] = field(default_factory=list)
    bad: dict[int, dict[str, Any]] = field(default_factory=dict)
    observed_at: datetime = NEVER

    def good_rows(self, indexes: NDArray[np.int64]) -> tuple[list[str], list[dict[str, Any]]]:
        """The ids and rows at ascending positions, bad ones left out."""
        if len(indexes) and indexes[-1] - indexes[0] == len(indexes) - 1:
            chosen = slice(int(indexes[0]), int(indexes[-1]) + 1)
            keys, rows = self.keys[chosen], self.rows[chosen]
        else:
            keys, rows = [self.keys[index] for index in indexes], [self.rows[index] for index in indexes]
        good = [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None] if self.bad else None
        if good is None:
            return keys, cast("list[dict[str, Any]]", rows)
        return [key for key, _ in good], [row for _, row in good]


def run_page(
    documents: list[Any], shape: RowShape, observed_at: datetime, *, offset: int = 0, total: int | None = None
) -> RunPage:
    """A page of an answer's rows, whatever they are.

    A row without an id, that is not an object, or without a usable creation time is bad: it is described for the
    quarantine, and stops nothing.
    """
    objects = [document if type(document) is dict else {} for document in documents]
    ids = _ids_of([row.get(shape.id_field) for row in objects])
    created_us = instants_us([row.get(shape.created_field) for row in objects])
    rows = _storable(objects, shape.known)
    bad = {}
    for index in _bad_indexes(ids, created_us):
        why = _why_bad(documents[index], ids[index], shape)
        bad[index] = {"observed_at": iso(observed_at), "reason": why, **_trace_of(documents[index], rows[index])}
        rows[index] = None
    keys = [key or f"digest:{_digest(document)}" for key, document in zip(ids, documents, strict=True)]
    return RunPage(keys, created_us, offset, total, rows, bad, observed_at)


def _ids_of(values: list[Any]) -> list[str | None]:
    """Non-empty strings and whole numbers, as strings."""
    if set(map(type, values)) == {str} and all(values):
        return values
    return [(str(value) if type(value) in {str, int} else "") or None for value in values]


def _storable(objects: list[dict[str, Any]], known: frozenset[str]) -> list[dict[str, Any] | None]:
    """Each row as it may be stored; the rows themselves where nothing in any of them has to go."""
    names = chain.from_iterable(objects)
    types = map(type, chain.from_iterable(map(dict.values, objects)))
    if known.issuperset(names) and SCALARS.issuperset(types):
        return list(objects)
    return [without_secrets(row, known) for row in objects]


def _bad_indexes(ids: list[str | None], created_us: NDArray[np.int64]) -> list[int]:
    without_time = np.flatnonzero(created_us == NO_TIME).tolist()
    return without_time + [index for index, key in enumerate(ids) if key is None and created_us[index] != NO_TIME]


def _why_bad(document: Any, key: str | None, shape: RowShape) -> str:
    if not isinstance(document, dict):
        return "not an object"
    return f"no usable {shape.id_field}" if key is None else f"no usable {shape.created_field}"


def _trace_of(document: Any, storable: dict[str, Any] | None) -> dict[str, Any]:
    if isinstance(document, dict):
        return {"run": storable}
    return {
        "type": type(document).__name__,
        "bytes": len(orjson.dumps(document)),
        "sha256": _digest(document),
    }


def _digest(document: Any) -> str:
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
