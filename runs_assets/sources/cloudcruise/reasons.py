"""Why CloudCruise's runs failed: reading the errors of a workflow, and who can most likely fix them.

The vendor's page of `GET /runs/workflow/{workflow_id}/errors` shows `error_groups`, by code or as a list, each with a
`count` and its `errors`. Only counts, codes, times and run ids are read, never messages, details or inputs; anything
else is ignored, and the reason of those runs is then not known.

The categories and their kinds are those of the vendor's page "Maintenance agent": a user error needs other data or
credentials, a workflow error another workflow, and an external error is the target site's. Codes are given by whoever
builds the workflows; of these, and of words that the page does not have, only those that are unambiguous are used.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from runs_assets.days import from_us
from runs_assets.normalizing.columns import instants_us
from runs_assets.paging.page import NO_TIME
from runs_assets.reasons.reason import NOT_KNOWN, UNKNOWN_CATEGORY, Attribution, ErrorGroup, Reason

Shorten = Callable[[str], str]
"""Makes foreign text fit to be stored: short, on one line, without credentials."""

MOST_RUNS = 1_000_000
_Words = tuple[str | None, str | None, str | None]
"""A code, a category and a sub type."""
_CODE = re.compile(r"[\w.:/-]+( [\w.:/-]+){0,3}")
"""What can be a code: four words at most, without the punctuation of a sentence or an address."""

OURS, PLATFORM, CUSTOMER, UNKNOWN = Attribution
_PHRASES = {
    "USER ERROR": CUSTOMER,
    "PAGE NOT FOUND": CUSTOMER,
    "MULTIPLE MATCHING RESULTS FOUND": CUSTOMER,
    "ACTION BLOCKED BY PLATFORM": CUSTOMER,  # the target site is meant
    "WORKFLOW ERROR": OURS,
    "EXTERNAL ERROR": CUSTOMER,
    "PAGE STILL LOADING": CUSTOMER,
    "ACCOUNT LOGGED OUT": CUSTOMER,
}
_TOKENS = {
    **dict.fromkeys(("INTERNAL", "PLATFORM", "INFRASTRUCTURE", "CLOUDCRUISE"), PLATFORM),
    **dict.fromkeys(("XPATH", "SELECTOR", "ELEMENT", "UI", "POPUP", "WORKFLOW"), OURS),
    **dict.fromkeys(("CREDENTIAL", "CREDENTIALS", "AUTHENTICATION", "PASSWORD", "LOGIN", "CAPTCHA"), CUSTOMER),
    **dict.fromkeys(("USER", "INPUT", "INPUTS", "CUSTOMER"), CUSTOMER),
    **dict.fromkeys(("SITE", "WEBSITE", "PORTAL", "NETWORK", "TIMEOUT", "SERVICE", "EXTERNAL"), CUSTOMER),
}


def error_groups_of(document: Any, shorten: Shorten) -> list[ErrorGroup]:
    """The groups of an answer, by code; a run that it names is in the group of its last error alone."""
    errors = [error for error in _errors(document, shorten) if error.code or error.category or error.sub_type]
    last_of = {error.run_ids: error for error in sorted(errors, key=_instant_of)}
    by_code: dict[str | None, list[ErrorGroup]] = defaultdict(list)
    for error in errors:
        if not error.run_ids or last_of[error.run_ids] is error:
            by_code[error.code].append(error)
    return [_merged(members) for members in by_code.values()]


def _instant_of(error: ErrorGroup) -> datetime:
    return error.last_seen_at or datetime.min.replace(tzinfo=UTC)


def _merged(errors: list[ErrorGroup]) -> ErrorGroup:
    """One group of some; its category is that of the last error that has one."""
    latest = max(errors, key=lambda error: (error.category is not None, _instant_of(error)))
    times = [error.last_seen_at for error in errors if error.last_seen_at]
    return replace(
        latest,
        runs=sum(error.runs for error in errors),
        first_seen_at=min(times, default=None),
        last_seen_at=max(times, default=None),
        run_ids=tuple(sorted(run_id for error in errors for run_id in error.run_ids)),
    )


def _errors(document: Any, shorten: Shorten) -> Iterator[ErrorGroup]:
    """A group for each error of the groups that have the documented shape, and one for those that are only counted."""
    found = document.get("error_groups") if isinstance(document, dict) else None
    by_code = found.items() if isinstance(found, dict) else ((None, group) for group in _listed(found))
    for code, group in by_code:
        if not isinstance(group, dict) or type(group.get("count")) is not int:
            continue
        words = _words(group, (_code(code, shorten), None, None), shorten)
        listed = [_error(entry, words, shorten) for entry in _listed(group.get("errors")) if isinstance(entry, dict)]
        yield from listed
        if (unlisted := group["count"] - len(listed)) > 0:
            yield ErrorGroup(*words, min(unlisted, MOST_RUNS))


def _error(entry: dict[str, Any], of_group: _Words, shorten: Shorten) -> ErrorGroup:
    run_id, at = entry.get("session_id"), _instant(entry.get("created_at"))
    is_id = isinstance(run_id, str) and re.fullmatch(r"[\w-]{1,100}", run_id)
    return ErrorGroup(*_words(entry, of_group, shorten), 1, at, at, (str(run_id),) if is_id else ())


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


def reason_of_error(group: ErrorGroup) -> Reason:
    """The reason is the code; the first of category, sub type and code that is unambiguous decides the attribution."""
    words = (group.category, group.sub_type, group.code)
    known = (one for word in words if word and (one := _attribution_of(word)) is not UNKNOWN)
    reason = group.code or group.sub_type or group.category or NOT_KNOWN.reason
    return Reason(reason, group.category or UNKNOWN_CATEGORY, next(known, UNKNOWN))


def _attribution_of(word: str) -> Attribution:
    tokens = re.findall(r"[A-Z0-9]+", word.upper())
    if (phrase := " ".join(tokens)) in _PHRASES:
        return _PHRASES[phrase]
    found = {_TOKENS[token] for token in tokens if token in _TOKENS}
    return found.pop() if len(found) == 1 else UNKNOWN
