"""Rates worked out by hand, the edges of 0 and 1, and any day against plain Python."""

import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.daily.failure_rates import FAILURE_RATES, NEEDS, failure_rates
from runs_assets.daily.run_status_counts import run_status_counts
from runs_assets.normalizing.runs_table import RUNS_SCHEMA

MIDNIGHT = datetime(2026, 3, 17, tzinfo=UTC)


def run(pipeline: str | None, status: str, **more: Any) -> dict[str, Any]:
    """A run; `created`, `started`, `finished` are seconds after midnight."""
    created, started, finished = more.pop("created", 0), more.pop("started", None), more.pop("finished", None)
    at = {
        name: None if seconds is None else MIDNIGHT + timedelta(seconds=seconds)
        for name, seconds in (("created_at", created), ("started_at", started), ("finished_at", finished))
    }
    return {
        "run_id": "r",
        "raw_status": status,
        "status": status,
        "is_terminal": status in ("succeeded", "failed", "cancelled") or (status == "unknown" and finished is not None),
        "pipeline_id": pipeline,
        "dry_run": None,
        "observed_at": MIDNIGHT,
        "queue_seconds": None if started is None else float(started - created),
        "duration_seconds": None if started is None or finished is None else float(finished - started),
        **at,
        **more,
    }


def table(*runs: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in RUNS_SCHEMA.names} for row in runs], schema=RUNS_SCHEMA
    )


def rates(*runs: dict[str, Any]) -> dict[str | None, dict[str, Any]]:
    computed = failure_rates(table(*runs), is_final=True)
    assert computed.schema.equals(FAILURE_RATES.schema)
    return {row["pipeline_id"]: row for row in computed.to_pylist()}


def test_counts_rate_and_interval_by_hand() -> None:
    found = rates(*[run("p", "failed")] * 2, *[run("p", "succeeded")] * 8, run("p", "cancelled"), run("p", "running"))[
        "p"
    ]
    assert {
        name: found[name] for name in ("runs", "failed", "succeeded", "cancelled", "open", "unknown", "dry_runs")
    } == {
        "runs": 12,
        "failed": 2,
        "succeeded": 8,
        "cancelled": 1,
        "open": 1,
        "unknown": 0,
        "dry_runs": 0,
    }
    assert found["failure_rate"] == 0.2
    # Wilson for 2 of 10 at 95 %: 0.0567 to 0.5098, as printed in textbooks
    assert found["failure_rate_low"] == pytest.approx(0.0567, abs=5e-5)
    assert found["failure_rate_high"] == pytest.approx(0.5098, abs=5e-5)
    assert found["cancelled_rate"] == 1 / 11
    assert found["is_final"] is True


def test_zero_of_zero_is_null() -> None:
    found = rates(run("p", "cancelled"), run("q", "running"))
    for name in ("failure_rate", "failure_rate_low", "failure_rate_high"):
        assert found["p"][name] is None
        assert found["q"][name] is None
    assert found["p"]["cancelled_rate"] == 1.0
    assert found["q"]["cancelled_rate"] is None


def test_none_and_all_failed_have_exact_ends() -> None:
    found = rates(*[run("none", "succeeded")] * 5, *[run("all", "failed")] * 5)
    # Wilson for 0 of 5: high = z^2 / (n + z^2) = 3.8415 / 8.8415
    assert (found["none"]["failure_rate"], found["none"]["failure_rate_low"]) == (0.0, 0.0)
    assert found["none"]["failure_rate_high"] == pytest.approx(3.841459 / 8.841459, abs=1e-6)
    assert (found["all"]["failure_rate"], found["all"]["failure_rate_high"]) == (1.0, 1.0)
    assert found["all"]["failure_rate_low"] == pytest.approx(5 / 8.841459, abs=1e-6)


def test_dry_runs_are_counted_and_then_left_out() -> None:
    found = rates(run("p", "failed", dry_run=True), run("p", "succeeded", dry_run=False), run("p", "succeeded"))["p"]
    assert (found["runs"], found["dry_runs"], found["failed"], found["succeeded"]) == (3, 1, 0, 2)
    assert found["failure_rate"] == 0.0
    assert found["first_failure_at"] is None


def test_only_dry_runs_leave_a_row_without_a_rate() -> None:
    found = rates(run("p", "failed", dry_run=True))["p"]
    assert (found["runs"], found["dry_runs"], found["failure_rate"]) == (1, 1, None)


def test_an_unknown_word_is_open_until_there_is_a_finish_time() -> None:
    found = rates(run("p", "unknown"), run("p", "unknown", finished=5))["p"]
    assert (found["open"], found["unknown"], found["cancelled_rate"]) == (1, 1, 0.0)


def test_runs_without_a_pipeline_have_a_row_of_their_own() -> None:
    assert rates(run(None, "failed"), run("p", "succeeded"))[None]["failure_rate"] == 1.0


def test_quantiles_are_of_successes_and_starts() -> None:
    seconds = [10, 20, 30, 40]
    found = rates(
        *[run("p", "succeeded", started=5, finished=5 + each) for each in seconds],
        run("p", "failed", started=100, finished=9999),
        run("p", "queued"),
    )["p"]
    assert found["duration_p50_seconds"] == 25.0
    assert found["duration_p95_seconds"] == pytest.approx(38.5)  # 30 + 0.85 * 10
    assert found["duration_p99_seconds"] == pytest.approx(39.7)  # 30 + 0.97 * 10
    assert found["queue_p50_seconds"] == 5.0
    assert found["queue_p95_seconds"] == pytest.approx(81.0)  # of 5, 5, 5, 5, 100: 5 + 0.8 * 95


def test_first_and_last_are_by_finish_time_else_by_creation() -> None:
    found = rates(
        run("p", "failed", created=50, finished=60),
        run("p", "failed", created=10, finished=90),
        run("p", "failed", created=70),
        run("p", "succeeded", created=5, started=6, finished=7),
    )["p"]
    assert found["first_failure_at"] == MIDNIGHT + timedelta(seconds=60)
    assert found["last_failure_at"] == MIDNIGHT + timedelta(seconds=90)
    assert found["first_success_at"] == found["last_success_at"] == MIDNIGHT + timedelta(seconds=7)


def test_no_runs_give_no_rows() -> None:
    assert failure_rates(RUNS_SCHEMA.empty_table(), is_final=False).num_rows == 0
    assert run_status_counts(RUNS_SCHEMA.empty_table()).num_rows == 0


RUN = st.builds(
    lambda pipeline, status, dry, started, finished: run(
        pipeline, status, dry_run=dry, started=started, finished=finished
    ),
    st.sampled_from(["p", "q", None]),
    st.sampled_from(["queued", "running", "paused", "succeeded", "failed", "cancelled", "unknown"]),
    st.sampled_from([True, False, None]),
    st.one_of(st.none(), st.integers(0, 100)),
    st.one_of(st.none(), st.integers(100, 1000)),
)


@settings(max_examples=100)
@given(st.lists(RUN, min_size=1, max_size=30))
def test_any_day_agrees_with_plain_python(runs: list[dict[str, Any]]) -> None:
    found = rates(*runs)
    assert set(found) == {row["pipeline_id"] for row in runs}
    for pipeline, row in found.items():
        mine = [each for each in runs if each["pipeline_id"] == pipeline]
        real = [each for each in mine if not each["dry_run"]]
        failed = sum(each["status"] == "failed" for each in real)
        succeeded = [each for each in real if each["status"] == "succeeded"]
        decided = failed + len(succeeded)
        assert row["runs"] == len(mine)
        assert row["dry_runs"] == len(mine) - len(real)
        assert row["open"] == sum(not each["is_terminal"] for each in real)
        assert row["failure_rate"] == (failed / decided if decided else None)
        durations = [each["duration_seconds"] for each in succeeded if each["duration_seconds"] is not None]
        assert row["duration_p50_seconds"] == (pytest.approx(statistics.median(durations)) if durations else None)
        ends = [each["finished_at"] or each["created_at"] for each in succeeded]
        assert row["last_success_at"] == max(ends, default=None)


@settings(max_examples=50)
@given(st.lists(RUN, max_size=30))
def test_status_counts_sum_to_the_rows_with_every_combination_once(runs: list[dict[str, Any]]) -> None:
    counts = run_status_counts(table(*runs)).to_pylist()
    assert sum(row["runs"] for row in counts) == len(runs)
    for row in counts:
        key = tuple(row[name] for name in ("pipeline_id", "status", "raw_status", "dry_run"))
        same = [
            each for each in runs if (each["pipeline_id"], each["status"], each["raw_status"], each["dry_run"]) == key
        ]
        assert row["runs"] == len(same)
    assert set(NEEDS) <= set(RUNS_SCHEMA.names)
