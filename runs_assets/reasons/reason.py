"""Why runs failed, in terms that all sources share; each platform's folder maps its own terms to these.

Only codes, categories, counts, times and ids: the message of an error can name people, and is never stored.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import AwareDatetime, NonNegativeInt

UNKNOWN_CATEGORY = "unknown"


class Attribution(StrEnum):
    """Who can most likely fix it: a label for triage, not a guarantee."""

    OURS = "ours"
    PLATFORM = "platform"
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reason:
    """Why a run failed: a short code or phrase, its category, and who can most likely fix it."""

    reason: str
    category: str = UNKNOWN_CATEGORY
    attribution: Attribution = Attribution.UNKNOWN


NOT_KNOWN = Reason("not known")


@dataclass(frozen=True)
class ErrorGroup:
    """Runs of one pipeline in which, as its API says, the same error came last.

    `code`, `category` and `sub_type` are its own words, None where it has none. `run_ids` are the runs that it names,
    each in one group only; `runs` counts those that it does not name, too. Times are of the errors, aware UTC.
    """

    code: str | None
    category: str | None
    sub_type: str | None
    runs: NonNegativeInt
    first_seen_at: AwareDatetime | None = None
    last_seen_at: AwareDatetime | None = None
    run_ids: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Explanations:
    """What a platform's exit codes and errors mean; None for what it does not have.

    `exit_code` takes a failed run's exit code, None if it has none, and whether its pipeline is one that the API lists
    as the account's own.
    """

    exit_code: Callable[[int | None, bool], Reason] | None = None
    error: Callable[[ErrorGroup], Reason] | None = None
