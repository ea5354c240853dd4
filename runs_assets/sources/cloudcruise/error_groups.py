"""Reading the answer of `GET /runs/workflow/{workflow_id}/errors`: counts, codes and run ids, and nothing else.

The vendor's page shows `error_groups`, by code or as a list, each with a `count` and its `errors`. Anything else is
ignored, and the reason of those runs is then not known. Messages, details and inputs are never read.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runs_assets.days import from_us
from runs_assets.normalizing.columns import instants_us
from runs_assets.paging.page import NO_TIME
from runs_assets.reasons.reason import ErrorGroup

Shorten = Callable[[str], str]
"""Makes foreign text fit to be stored: short, on one line, without credentials."""

MOST_RUNS = 1_000_000
_Words = tuple[str | None, str | None, str | None]
"""A code, a category and a sub type."""
_CODE = re.compile(r"[\w.:/-]+( [\w.:/-]+){0,3}")
"""What can be a code: four words at most, without the punctuation of a sentence or an address."""


@dataclass(frozen=True)
class _Error:
    """An error in the run `run_id`, or in `runs` unnamed ones."""

    words: _Words
    run_id: str | None = None
    at: datetime | None = None
    runs: int = 1


def error_groups_of(document: Any, shorten: Shorten) -> list[ErrorGroup]:
    """The groups of an answer, by code; a run that it names is in the group of its last error alone."""
    errors = [error for error in _errors(document, shorten) if any(error.words)]
    last_of = {error.run_id: error for error in sorted(errors, key=_instant_of)}
    by_code: dict[str | None, list[_Error]] = defaultdict(list)
    for error in errors:
        if error.run_id is None or last_of[error.run_id] is error:
            by_code[error.words[0]].append(error)
    return [_group(members) for members in by_code.values()]


def _instant_of(error: _Error) -> datetime:
    return error.at or datetime.min.replace(tzinfo=UTC)


def _group(errors: list[_Error]) -> ErrorGroup:
    words = max(errors, key=lambda error: (error.words[1] is not None, _instant_of(error))).words
    times = [error.at for error in errors if error.at]
    run_ids = tuple(sorted(error.run_id for error in errors if error.run_id))
    runs = sum(error.runs for error in errors)
    return ErrorGroup(*words, runs, min(times, default=None), max(times, default=None), run_ids)


def _errors(document: Any, shorten: Shorten) -> Iterator[_Error]:
    """The errors of each group that has the documented shape, and one for those that it only counts."""
    found = document.get("error_groups") if isinstance(document, dict) else None
    by_code = found.items() if isinstance(found, dict) else ((None, group) for group in _listed(found))
    for code, group in by_code:
        if not isinstance(group, dict) or type(group.get("count")) is not int:
            continue
        words = _words(group, (_code(code, shorten), None, None), shorten)
        listed = [_error(entry, words, shorten) for entry in _listed(group.get("errors")) if isinstance(entry, dict)]
        yield from listed
        if (unlisted := group["count"] - len(listed)) > 0:
            yield _Error(words, runs=min(unlisted, MOST_RUNS))


def _error(entry: dict[str, Any], of_group: _Words, shorten: Shorten) -> _Error:
    run_id, at = entry.get("session_id"), _instant(entry.get("created_at"))
    is_id = isinstance(run_id, str) and re.fullmatch(r"[\w-]{1,100}", run_id)
    return _Error(_words(entry, of_group, shorten), run_id if is_id else None, at)


def _words(entry: dict[str, Any], otherwise: _Words, shorten: Shorten) -> _Words:
    """Those of an error, or where it has none, those of its group."""
    category = entry.get("llm_error_category") or entry.get("error_category")
    values = entry.get("error_code"), category, entry.get("llm_error_sub_type")
    code, category, sub_type = (_code(value, shorten) for value in values)
    return code or otherwise[0], category or otherwise[1], sub_type or otherwise[2]


def _code(value: Any, shorten: Shorten) -> str | None:
    text = shorten(value) if isinstance(value, str) else ""
    return text if _CODE.fullmatch(text) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _instant(value: Any) -> datetime | None:
    [moment_us] = instants_us([value])
    return from_us(int(moment_us)) if moment_us != NO_TIME else None
