"""Small histories whose verdicts can be worked out by hand.

Each is a list of runs of pipelines of its own, so they can also be joined to one. All are meant to be read at
`READ_UNTIL`, a Wednesday noon, with every day since `FIRST_DAY` stored. Times are UTC.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Outcome = Literal["succeeded", "failed", "cancelled", "running"]

FIRST_DAY = date(2026, 1, 13)
READ_UNTIL = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class CaseRun:
    """A run that began as soon as it was created; `ended` is None while it is running."""

    pipeline: str | None
    created: datetime
    ended: datetime | None
    outcome: Outcome
    dry: bool = False
    workspace: str = "workspace"


def at(month: int, day: int, hour: int = 8, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def run(
    pipeline: str | None, created: datetime, outcome: Outcome = "succeeded", lasting: timedelta = MINUTE
) -> CaseRun:
    return CaseRun(pipeline, created, None if outcome == "running" else created + lasting, outcome)


def daily(
    pipeline: str | None,
    first: date,
    last: date,
    outcomes: str = "s",
    *,
    dry: bool = False,
    weekdays: Iterable[int] = range(7),
) -> Iterator[CaseRun]:
    """On each day (both ends inside) at 08:00 and every 15 minutes after: a run per letter s, f or c of `outcomes`."""
    words: dict[str, Outcome] = {"s": "succeeded", "f": "failed", "c": "cancelled"}
    for n in range((last - first).days + 1):
        morning = datetime.combine(first + n * DAY, time(8), UTC)
        for place, letter in enumerate(outcomes if morning.weekday() in weekdays else ""):
            created = morning + place * 15 * MINUTE
            yield CaseRun(pipeline, created, created + MINUTE, words[letter], dry)


NOTHING_DECIDED = [run("nothing decided", at(3, 18, 11, 50), "running")]

NONE_FAILED = [*daily("none failed", date(2026, 2, 16), date(2026, 3, 18), "ssssssssss")]

ALL_FAILED = [
    *daily("all failed", date(2026, 2, 16), date(2026, 3, 17), "ssssssssss"),
    *daily("all failed", date(2026, 3, 18), date(2026, 3, 18), "ffffff"),
]
"""280 successes in the 28 days before a day of failures."""

ONLY_DRY_RUNS = [*daily("only dry runs", date(2026, 3, 10), date(2026, 3, 18), "fs", dry=True)]

ONLY_CANCELLED = [*daily("only cancelled", date(2026, 2, 16), date(2026, 3, 18), "c")]

NEVER_SUCCEEDED = [*daily("never succeeded", date(2026, 3, 10), date(2026, 3, 18), "f")]

OUTAGE_WITH_AN_EMPTY_DAY = [
    *daily("empty day inside", date(2026, 2, 12), date(2026, 3, 11), "ss"),
    *daily("empty day inside", date(2026, 3, 12), date(2026, 3, 12), "ff"),
    *daily("empty day inside", date(2026, 3, 14), date(2026, 3, 14), "ff"),
    *daily("empty day inside", date(2026, 3, 15), date(2026, 3, 18), "ss"),
]
"""56 successes in 28 days, then failures on a day and on the next but one."""

OVERLAPPING_THE_END = [
    *daily("overlapping the end", date(2026, 2, 10), date(2026, 3, 9), "ss"),
    run("overlapping the end", at(3, 10, 7), "succeeded", 75 * MINUTE),
    run("overlapping the end", at(3, 10, 8), "failed"),
    run("overlapping the end", at(3, 10, 9), "failed"),
    run("overlapping the end", at(3, 10, 9, 15), "failed"),
    run("overlapping the end", at(3, 10, 9, 20), "failed", 60 * MINUTE),
    run("overlapping the end", at(3, 10, 9, 30), "failed"),
    run("overlapping the end", at(3, 10, 10), "succeeded"),
    run("overlapping the end", at(3, 10, 11), "succeeded"),
    *daily("overlapping the end", date(2026, 3, 11), date(2026, 3, 18), "ss"),
]
"""One success from before ends after the first failure (08:15), one failure after the first success (10:20)."""

ZERO_BASELINE = [
    *daily("zero baseline", date(2026, 2, 17), date(2026, 3, 16), "ss"),
    *daily("zero baseline", date(2026, 3, 17), date(2026, 3, 17), "fssfssfsss"),
    *daily("zero baseline", date(2026, 3, 18), date(2026, 3, 18), "fssfssfsss"),
]
"""56 successes in 28 days, then twice 3 failures of 10."""

HALF_FAILED = [
    *daily("half failed", date(2026, 2, 17), date(2026, 3, 16), "sssss"),
    *daily("half failed", date(2026, 3, 17), date(2026, 3, 18), "fsfsfsfsff"),
]
"""140 successes in 28 days, too many a day for two failures in a row to matter, then twice 6 failures of 10."""

BRAND_NEW = [*daily("brand new", date(2026, 3, 16), date(2026, 3, 18), "sssss")]

STOPPED = [*daily("stopped", date(2026, 1, 26), date(2026, 3, 6), "ss")]

STOPPED_LATELY = [*daily("stopped lately", date(2026, 1, 26), date(2026, 3, 11), "ss")]
"""Silent, and not for long enough to be given up by the end of March 17."""

STOPPED_LONG_AGO = [*daily("stopped long ago", FIRST_DAY, date(2026, 2, 10), "ss")]

DAY_MISSED = [
    *daily("day missed", date(2026, 2, 2), date(2026, 3, 10), "ss", weekdays=range(5)),
    *daily("day missed", date(2026, 3, 12), date(2026, 3, 18), "ss", weekdays=range(5)),
]
"""Two runs each Monday to Friday but on Wednesday, March 11."""

DOWN = [
    *daily("down", date(2026, 2, 16), date(2026, 3, 14), "ssssssssss"),
    *daily("down", date(2026, 3, 15), date(2026, 3, 18), "fff"),
]

FAILING = [
    *daily("failing", date(2026, 2, 10), date(2026, 3, 15)),
    *daily("failing", date(2026, 3, 16), date(2026, 3, 17), "f"),
]
"""Once a day, without a failure before the last two days."""

FAILED_ONCE = [
    *(run("failed once", at(2, 10) + 2 * n * DAY) for n in range(17)),
    run("failed once", at(3, 16), "failed"),
]
"""Every other day, with success until 03-14: the next is overdue 2.2 days and an hour later."""

PARTLY_FAILING = [
    replace(one, workspace="600" if number % 3 == 0 else "601")
    for number, one in enumerate(
        [
            *daily("partly failing", date(2026, 2, 10), date(2026, 3, 16), "ssf" * 10),
            *daily("partly failing", date(2026, 3, 17), date(2026, 3, 17), "fss" * 10),
            *daily("partly failing", date(2026, 3, 18), date(2026, 3, 18), "fss" * 5),
        ]
    )
]
"""Every third run failed, none of them of workspace 600; and then all of it, and no other."""

WITHOUT_PIPELINE = [*daily(None, date(2026, 2, 16), date(2026, 3, 18), "sssf")]
"""Runs of which the platform does not say what they are runs of."""

CASES: dict[str | None, list[CaseRun]] = {
    "nothing decided": NOTHING_DECIDED,
    "none failed": NONE_FAILED,
    "all failed": ALL_FAILED,
    "only dry runs": ONLY_DRY_RUNS,
    "only cancelled": ONLY_CANCELLED,
    "never succeeded": NEVER_SUCCEEDED,
    "empty day inside": OUTAGE_WITH_AN_EMPTY_DAY,
    "overlapping the end": OVERLAPPING_THE_END,
    "zero baseline": ZERO_BASELINE,
    "half failed": HALF_FAILED,
    "brand new": BRAND_NEW,
    "stopped": STOPPED,
    "stopped lately": STOPPED_LATELY,
    "stopped long ago": STOPPED_LONG_AGO,
    "day missed": DAY_MISSED,
    "down": DOWN,
    "failing": FAILING,
    "failed once": FAILED_ONCE,
    "partly failing": PARTLY_FAILING,
    None: WITHOUT_PIPELINE,
}
"""Every history by the name of its pipeline."""


def printed(runs: Iterable[CaseRun]) -> list[dict[str, object]]:
    """The runs as CloudCruise prints them."""
    words = {
        "succeeded": "execution.success",
        "failed": "execution.failed",
        "cancelled": "execution.stopped",
        "running": "execution.start",
    }
    return [
        {
            "session_id": f"{run.pipeline} {number}",
            "status": words[run.outcome],
            "created_at": run.created.isoformat(),
            "workflow_id": run.pipeline,
            "workspace_id": run.workspace,
            "execution_start": run.created.isoformat(),
            "execution_end": run.ended.isoformat() if run.ended else None,
            "dry_run": run.dry,
        }
        for number, run in enumerate(runs)
    ]
