"""Why runs failed, in words that all sources share; each platform says in its folder how its own words become these.

Only codes, categories, counts, times and ids: what an error says in a sentence can name people, and is never kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import AwareDatetime, NonNegativeInt

UNKNOWN_CATEGORY = "unknown"


class Side(StrEnum):
    """Who can most likely do something about it: a label for triage, not a guarantee."""

    OURS = "ours"
    PLATFORM = "platform"
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reason:
    """Why a run failed: a short code or phrase, the kind that it belongs to, and whose matter it is."""

    reason: str
    category: str = UNKNOWN_CATEGORY
    side: Side = Side.UNKNOWN


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
