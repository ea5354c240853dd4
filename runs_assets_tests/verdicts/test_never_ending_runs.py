"""A fleet in which one run in 500 never ends, so that no day of it is final: who is judged, and why the others are not."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from runs_assets.days import DAY_US
from runs_assets.verdicts.failure_trends import failure_trends
from runs_assets.verdicts.hanging_runs import success_durations
from runs_assets.verdicts.outages import failure_streaks
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets_tests.verdicts.history_tables import frame_of, table_of
from runs_assets_tests.verdicts.simulated import simulate

SEED, MOST_A_DAY = 11, 40
NEVER_ENDING = 500
AGO_DAYS = {"now": 1, "3 days": 3, "7 days": 7, "drift": 35}
"""How many days before the end of the last one the 28 days end with which each span is compared."""


@cache
def fleet() -> SourceHistory:
    """200 pipelines with up to 40 runs a day; of all runs in the order of their creation, every 500th never ends."""
    history = simulate(SEED, 0.0, most_a_day=MOST_A_DAY).history
    runs = frame_of(history.runs).sort_values("created_us", ignore_index=True)
    is_open = np.arange(len(runs)) % NEVER_ENDING == 0
    runs["status"] = np.where(is_open, "running", runs["status"])
    runs["ended_us"] = runs["ended_us"].mask(is_open, runs["created_us"])
    runs["duration_seconds"] = runs["duration_seconds"].mask(is_open)
    day = runs["created_us"] // DAY_US
    ended = pd.DataFrame({"completed": ~is_open, "failed": runs["status"] == "failed", "runs": 1})
    rates = ended.astype(int).groupby([runs["pipeline"], day.rename("day")]).sum().reset_index()
    days = tuple(replace(known, is_final=False) for known in history.days)
    return replace(history, days=days, runs=table_of(runs), rates=table_of(rates))


@cache
def verdicts() -> Counter[tuple[str, str, str]]:
    """How many rows have a verdict, by scope, period and verdict."""
    history = fleet()
    trends = failure_trends(history, failure_streaks(history), success_durations(history), {})
    spans = trends.filter(pc.field("period") != "day").select(["scope", "period", "verdict"])
    return Counter(tuple(row.values()) for row in spans.to_pylist())


@pytest.mark.parametrize("period", AGO_DAYS)
def test_every_pipeline_with_enough_runs_is_judged(period: str) -> None:
    found = {
        verdict: count for (scope, of, verdict), count in verdicts().items() if (scope, of) == ("pipeline", period)
    }
    expected = Counter(_why_not(runs, period) for _, runs in frame_of(fleet().runs).groupby("pipeline"))
    del expected["did not run"]
    judged = expected.pop("")
    not_judged = {reason: count for reason, count in found.items() if reason not in {"worse", "normal"}}
    assert not_judged == {f"not judged: {reason}": count for reason, count in expected.items()}
    assert found["normal"] + found.get("worse", 0) == judged
    assert judged > 150


def _why_not(runs: pd.DataFrame, period: str) -> str:
    """Why a pipeline cannot be judged, "" if it can; no planted outage leaves too few runs beside it."""
    history = fleet()
    end = history.until_us // DAY_US - AGO_DAYS[period]
    latest = runs[runs["created_us"] > history.until_us - min(AGO_DAYS[period], 7) * DAY_US]
    days = runs.loc[runs["status"] != "running", "created_us"] // DAY_US
    past = days[(days >= end - 28) & (days < end)]
    if latest.empty:
        return "did not run"
    if len(past) < 20:
        return "fewer than 20 completed runs in the 28 days before"
    if past.nunique() < 7:
        return "fewer than 7 days with completed runs"
    return "" if (latest["status"] != "running").any() else "no completed run to judge"


def test_the_source_is_judged() -> None:
    found = {period: verdict for scope, period, verdict in verdicts() if scope == "source"}
    assert found.keys() == AGO_DAYS.keys()
    assert set(found.values()) <= {"worse", "normal"}


def test_no_day_is_final() -> None:
    open_days = set((frame_of(fleet().runs).query("status == 'running'")["created_us"] // DAY_US).tolist())
    assert len(open_days) == len(fleet().days)
