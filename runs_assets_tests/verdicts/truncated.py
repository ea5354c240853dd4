"""A history as it was at an earlier time, had it been read then."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from runs_assets.days import DAY_US, DayRange, day_of_us, end_of, from_us
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.stored_rates import DayCoverage
from runs_assets_tests.verdicts.history_tables import OPEN, frame_of, table_of

WINDOW_DAYS = 90


def as_of(history: SourceHistory, now: int) -> SourceHistory:
    """What would have been read of it at `now`, microseconds since the epoch: runs that end later are still running.

    The window is that of the default settings. `now` is no instant at which a run is created or ends.
    """
    today, instant = day_of_us(now), from_us(now)
    runs = frame_of(history.runs.filter(pc.field("created_us") < now))
    is_open = runs["ended_us"].to_numpy() > now
    runs["status"] = np.where(is_open, "running", runs["status"])
    runs.loc[is_open, "ended_us"] = runs.loc[is_open, "created_us"]
    runs.loc[is_open, "duration_seconds"] = np.nan
    days = [day.day for day in history.days if day.day <= today]
    return replace(
        history,
        window=DayRange(today - timedelta(days=WINDOW_DAYS - 1), today),
        days=tuple(DayCoverage(day, end_of(day) <= instant, False, min(end_of(day), instant)) for day in days),
        rates=table_of(_rates(runs)),
        runs=table_of(runs),
        open_runs=table_of(runs[is_open].assign(started_us=-1, observed_us=now)[OPEN]),
    )


def _rates(runs: pd.DataFrame) -> pd.DataFrame:
    counted = runs[["pipeline"]].assign(day=runs["created_us"] // DAY_US, runs=1, failed=runs["status"] == "failed")
    counted["completed"] = counted["failed"] | (runs["status"] == "succeeded")
    return counted.groupby(["pipeline", "day"], as_index=False).sum()
