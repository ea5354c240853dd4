"""Reading the answer of `GET /runs/workflow/{workflow_id}/errors`: counts, codes and run ids, and nothing else.

The vendor's page shows `error_groups`, by code, each with a `count` and its `errors`. It is no contract, so other
shapes that say the same are read too: a list of groups, or of errors; counts, times and ids under other names. What is
not understood is passed over: then the reason stays unknown. Messages, details and inputs are never looked at.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from runs_assets.reasons.reason import ErrorGroup

Words = Callable[[str], str]
"""Makes foreign words fit to be kept: short, on one line, without credentials."""

GROUPS = ("error_groups", "errors", "groups", "data")
COUNTS = ("count", "runs", "run_count", "sessions_count", "total", "occurrences")
OCCURRENCES = ("errors", "sessions", "examples", "runs", "session_ids")
IDS = ("session_id", "example_session_id", "example", "last_session_id")
TIMES = ("created_at", "last_seen", "last_seen_at", "last_seen_timestamp", "timestamp")
FIRST_TIMES = ("first_seen", "first_seen_at", "first_seen_timestamp")
CODES = ("error_code", "code")
CATEGORIES = ("llm_error_category", "error_category", "category")
SUB_TYPES = ("llm_error_sub_type", "error_sub_type", "sub_type")

MOST_RUNS = 1_000_000
OUR_TIME = range(1971, 2199)
_CODE = re.compile(r"[\w.:/-]+( [\w.:/-]+){0,3}")
"""What can be a code: four words at most, without the punctuation of a sentence or an address."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Said(NamedTuple):
    code: str | None = None
    category: str | None = None
    sub_type: str | None = None


@dataclass(frozen=True)
class _Error:
    """One error: in a run that it names, or (`runs` of them) in runs that it does not."""

    said: _Said
    run_id: str | None
    first: datetime | None
    last: datetime | None
    runs: int = 1


def error_groups_of(document: Any, words: Words) -> list[ErrorGroup]:
    """The groups of an answer, by code, each run that it names in the group of its last error alone."""
    errors = [error for error in _errors(document, words) if any(error.said)]
    last_of: dict[str, _Error] = {}
    for error in errors:
        if error.run_id and (error.last or _NEVER) >= (_last(last_of, error.run_id) or _NEVER):
            last_of[error.run_id] = error
    decisive = [*(error for error in errors if error.run_id is None), *last_of.values()]
    by_code: dict[str | None, list[_Error]] = {}
    for error in decisive:
        by_code.setdefault(error.said.code, []).append(error)
    return [_group(members) for members in by_code.values()]


def _group(errors: list[_Error]) -> ErrorGroup:
    said = max(errors, key=lambda error: (error.said.category is not None, error.last or _NEVER)).said
    firsts = [error.first for error in errors if error.first]
    lasts = [error.last for error in errors if error.last]
    run_ids = tuple(sorted(error.run_id for error in errors if error.run_id))
    runs = sum(error.runs for error in errors)
    return ErrorGroup(*said, runs, min(firsts, default=None), max(lasts, default=None), run_ids)


def _last(known: dict[str, _Error], run_id: str) -> datetime | None:
    return known[run_id].last if run_id in known else None


def _errors(document: Any, words: Words) -> Iterator[_Error]:
    for code, group in _groups(document):
        entries = _entries(group)
        said = _said(group, _Said(code), words)
        listed = [_error(entry, said, words) for entry in entries] or [_error(group, said, words)]
        named = [error for error in listed if error.run_id]
        yield from named
        counted = _first(group, COUNTS, _count)
        others = (len(entries) or int(code is None) if counted is None else counted) - len(named)
        if others > 0:
            first = _first(group, FIRST_TIMES, _instant) or min((e.first for e in listed if e.first), default=None)
            last = _first(group, TIMES, _instant) or max((e.last for e in listed if e.last), default=None)
            yield _Error(said, None, first, last, min(others, MOST_RUNS))


def _groups(document: Any) -> Iterator[tuple[str | None, dict[str, Any]]]:
    if isinstance(document, dict):
        inner = next((document[name] for name in GROUPS if isinstance(document.get(name), dict | list)), None)
        if isinstance(inner, dict) and not inner.keys() & set(GROUPS):
            yield from ((code, _as_group(group)) for code, group in inner.items())
        else:
            yield from _groups(inner)
    elif isinstance(document, list):
        yield from ((None, group) for group in document if isinstance(group, dict))


def _as_group(value: Any) -> dict[str, Any]:
    """A group is an object; where it is only a number or a list, that is its count or its errors."""
    if isinstance(value, dict):
        return value
    return {"errors": value} if isinstance(value, list) else {"count": value}


def _entries(group: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[Any] = next((group[name] for name in OCCURRENCES if isinstance(group.get(name), list)), [])
    return [entry if isinstance(entry, dict) else {"session_id": entry} for entry in entries]


def _error(entry: dict[str, Any], of_group: _Said, words: Words) -> _Error:
    last = _first(entry, TIMES, _instant)
    first = _first(entry, FIRST_TIMES, _instant) or last
    return _Error(_said(entry, of_group, words), _first(entry, IDS, _id), first, last or first)


def _said(entry: dict[str, Any], of_group: _Said, words: Words) -> _Said:
    """The words of an error, or where it has none, those of the group that it is in."""

    def code(value: Any) -> str | None:
        text = words(value) if isinstance(value, str) else ""
        return text if _CODE.fullmatch(text) else None

    own = (_first(entry, names, code) for names in (CODES, CATEGORIES, SUB_TYPES))
    return _Said(*(word or code(of_all) for word, of_all in zip(own, of_group, strict=True)))


def _first(entry: dict[str, Any], names: tuple[str, ...], read: Callable[[Any], Any]) -> Any:
    return next((value for name in names if (value := read(entry.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _id(value: Any) -> str | None:
    is_id = isinstance(value, str) and 0 < len(value) <= 100 and re.fullmatch(r"[\w-]+", value)
    return value if is_id else None


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo and moment.year in OUR_TIME else None
