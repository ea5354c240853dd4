"""When and how much each pipeline ran lately, and how often its outcome changed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runs_assets.days import DAY_US, to_us
from runs_assets.verdicts.history import BASELINE_DAYS, History

if TYPE_CHECKING:
    import pandas as pd

RECENT_DAYS = 7


@dataclass(frozen=True)
class Activity:
    """Of one pipeline, as of `read_until`; instants in microseconds since the epoch, None where there is none.

    `runs_7d` counts runs created in the last 7 days; `decided_28d`, `failed_28d` and `first_failure_28d_at` are of the
    decided runs that ended in the last 28 days. `flip_rate` is changes of outcome / (decided_28d - 1) among them.
    """

    first_run_at: int
    last_run_at: int
    runs_7d: int
    decided_28d: int
    failed_28d: int
    flip_rate: float | None
    first_failure_28d_at: int | None
    last_success_at: int | None
    last_failure_at: int | None


def activities(history: History) -> dict[int, Activity]:
    """Of each pipeline, by its number, with a run created in the window."""
    created = history.runs.groupby("pipeline")["created_at"]
    firsts, lasts = created.min(), created.max()
    is_recent = history.runs["created_at"] > history.until_us - RECENT_DAYS * DAY_US
    recent = history.runs.loc[is_recent].groupby("pipeline").size()
    last_ends = history.decided.groupby(["pipeline", "failed"])["ended_at"].max()
    month = history.decided[history.decided["ended_at"] > history.until_us - BASELINE_DAYS * DAY_US]
    months = {number: _month(runs) for number, runs in month.groupby("pipeline")}
    active = lasts.index[lasts >= to_us(history.window.start)].tolist()
    nothing = {"decided_28d": 0, "failed_28d": 0, "flip_rate": None, "first_failure_28d_at": None}
    return {
        number: Activity(
            first_run_at=int(firsts[number]),
            last_run_at=int(lasts[number]),
            runs_7d=int(recent.get(number, 0)),
            **months.get(number, nothing),
            last_success_at=_or_none(last_ends.get((number, False))),
            last_failure_at=_or_none(last_ends.get((number, True))),
        )
        for number in active
    }


def _month(decided: "pd.DataFrame") -> dict[str, Any]:
    failed = decided["failed"]
    flips = int((failed.to_numpy()[1:] != failed.to_numpy()[:-1]).sum())
    failures = decided.loc[failed, "ended_at"]
    return {
        "decided_28d": len(decided),
        "failed_28d": int(failed.sum()),
        "flip_rate": flips / (len(decided) - 1) if len(decided) > 1 else None,
        "first_failure_28d_at": int(failures.iloc[0]) if len(failures) else None,
    }


def _or_none(us: Any) -> int | None:
    return None if us is None else int(us)
