"""Each fact holds of good days, and fails with exact counts on what is planted in the files."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pyarrow as pa
import pytest

from runs_assets.checks.catalog import CHECKS
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, DayFiles
from runs_assets.storage.quarantine import store_quarantine
from runs_assets.storage.tables import load_table
from runs_assets_tests.checks.stored import FIRST, TODAY, YESTERDAY, Stored, flip_a_byte, numbers, run, sample, two_runs
from runs_assets_tests.conftest import NOW
from runs_assets_tests.storage.tables_of_days import store_table

NAMES = {check.__name__ for _, check in CHECKS}
DAY = date(2026, 3, 12)


def failing(verdicts: dict[str, dg.AssetCheckEvaluation]) -> set[str]:
    return {name for name, verdict in verdicts.items() if not verdict.passed}


def set_aside(stored: Stored, day: date, rows: int) -> None:
    lines = [{"reason": "no usable session_id", "run": {"n": n}} for n in range(rows)]
    store_quarantine(DayFiles(stored.layout, "cloudcruise", day), lines, read_id="r", report=print)


def test_all_nine_hold_of_good_days(good: Stored) -> None:
    verdicts = good.judge()
    assert set(verdicts) == NAMES
    assert len(NAMES) == 9
    assert failing(verdicts) == set()
    for verdict in verdicts.values():
        assert not verdict.blocking
        assert numbers(verdict) | {"days": 9, "runs": 18} == numbers(verdict)  # two runs on each of 2026-03-10..18
        assert "sample" not in verdict.metadata
        assert verdict.metadata["remedy"].value == "Nothing to do."


def test_a_quarantined_row_is_counted_and_told_with_its_reason_alone(good: Stored) -> None:
    set_aside(good, DAY, 3)
    set_aside(good, TODAY, 1)
    set_aside(good, FIRST - timedelta(days=1), 7)  # before the first day
    verdicts = good.judge()
    assert failing(verdicts) == {"nothing_is_quarantined"}
    verdict = verdicts["nothing_is_quarantined"]
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    assert numbers(verdict) == {"days": 9, "runs": 18, "quarantined_rows": 4, "damaged_files": 0}
    assert sample(verdict) == [
        {"day": "2026-03-18", "reason": "no usable session_id", "rows": 1},
        {"day": "2026-03-12", "reason": "no usable session_id", "rows": 3},
    ]


def test_days_that_were_never_read_are_named_and_today_is_not(stored: Stored) -> None:
    for day in (FIRST, DAY):
        stored.store(day)
    verdicts = stored.judge()
    assert failing(verdicts) == {"days_in_reach_are_stored"}
    verdict = verdicts["days_in_reach_are_stored"]
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    # 2026-03-10..17 are over; two of these eight are stored
    assert numbers(verdict) == {"days": 9, "runs": 4, "days_not_stored": 6, "damaged_files": 0}
    assert [row["day"] for row in sample(verdict)] == [f"2026-03-{day}" for day in (17, 16, 15, 14, 13, 11)]
    assert "--partition-range 2026-03-11...2026-03-17" in str(verdict.metadata["remedy"].value)
    assert numbers(verdicts["every_run_is_stored_once"])["days_not_judged"] == 7


def test_the_sample_is_capped_and_the_count_is_not(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-02-01")
    verdicts = stored.judge()
    # the API reaches back to 2026-02-15T12:15:01Z: of 32 days, today alone is not over
    assert numbers(verdicts["days_in_reach_are_stored"])["days_not_stored"] == 31
    assert len(sample(verdicts["days_in_reach_are_stored"])) == 20
    assert numbers(verdicts["days_in_reach_are_stored"])["days"] == 32


def test_where_the_api_forgets_nothing_every_day_from_the_first_on_is_judged(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-01-01")
    verdicts = stored.judge("productsup")
    assert numbers(verdicts["days_in_reach_are_stored"])["days"] == 31 + 28 + 18
    assert numbers(verdicts["days_in_reach_are_stored"])["days_not_stored"] == 31 + 28 + 17
    assert verdicts["no_day_is_about_to_be_forgotten_unread"].passed


def test_a_first_day_in_the_future_leaves_nothing_to_judge(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-03-19")
    verdicts = stored.judge()
    assert failing(verdicts) == set()
    assert {numbers(verdict)["days"] for verdict in verdicts.values()} == {0}


def test_a_day_that_is_soon_forgotten_must_have_been_read_after_it_was_over(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-02-01")
    in_time, too_early = datetime(2026, 2, 17, tzinfo=UTC), datetime(2026, 2, 15, 23, 59, tzinfo=UTC)
    stored.store(date(2026, 2, 15), at=too_early)
    stored.read(date(2026, 2, 16), two_runs(date(2026, 2, 16)), at=in_time, is_whole=False)  # a part, for want of more
    stored.build(date(2026, 2, 16))
    verdicts = stored.judge()
    assert failing(verdicts) == {"days_in_reach_are_stored", "no_day_is_about_to_be_forgotten_unread"}
    verdict = verdicts["no_day_is_about_to_be_forgotten_unread"]
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    # 31 days before 2026-03-20T12:00, which is 48 hours ahead, it is 2026-02-17T12:00
    assert numbers(verdict)["days_soon_forgotten"] == 3
    assert numbers(verdict)["days_about_to_be_forgotten"] == 2
    assert [(row["day"], row["problem"]) for row in sample(verdict)] == [
        ("2026-02-15", "It was last read at 2026-02-15T23:59:00Z, before it was over."),
        ("2026-02-17", "It was never read."),
    ]
    assert sample(verdict)[1]["forgotten_from"] == "2026-03-20 00:00"


def test_a_run_is_found_under_two_days_and_twice_within_one(good: Stored) -> None:
    good.store(DAY, [run("a", DAY), run("b", DAY)])
    good.store(FIRST, [run("a", FIRST)])
    runs, lineage = load_table(good.layout, RUNS.name, "cloudcruise", YESTERDAY, RUNS_SCHEMA.names)
    store_table(good.layout, RUNS.name, "cloudcruise", YESTERDAY, pa.concat_tables([runs, runs.slice(0, 1)]), lineage)
    verdicts = good.judge()
    assert failing(verdicts) == {"every_run_is_stored_once", "counts_match_the_rows"}
    verdict = verdicts["every_run_is_stored_once"]
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    assert numbers(verdict)["repeated_runs"] == 2
    assert [(row["run_id"], row["times"], row["first_day"], row["last_day"]) for row in sample(verdict)] == [
        ("2026-03-17-1", 2, "2026-03-17", "2026-03-17"),
        ("a", 2, "2026-03-10", "2026-03-12"),
    ]


def test_an_unknown_status_is_counted_under_the_platforms_word(good: Stored) -> None:
    hostile = "# **<script>" + "x" * 1000
    good.store(DAY, [run("a", DAY, hostile), run("b", DAY, hostile), run("c", DAY)])
    verdicts = good.judge()
    assert failing(verdicts) == {"every_status_is_known"}
    verdict = verdicts["every_status_is_known"]
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    assert numbers(verdict)["unknown_statuses"] == 2
    assert sample(verdict) == [{"day": "2026-03-12", "raw_status": hostile[:300], "runs": 2}]
    shown = f"{verdict.description}{verdict.metadata['remedy'].value}"
    assert "script" not in shown


def test_times_without_an_offset_and_unreadable_ones_are_counted_by_day(good: Stored) -> None:
    naive = run("a", DAY) | {"execution_start": f"{DAY}T10:00:01", "execution_end": "in a moment"}
    good.store(DAY, [naive, run("b", DAY)])
    verdicts = good.judge()
    assert failing(verdicts) == {"every_time_is_understood"}
    verdict = verdicts["every_time_is_understood"]
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    assert numbers(verdict) | {"times_assumed_utc": 1, "unreadable_times": 1} == numbers(verdict)
    assert sample(verdict) == [{"day": "2026-03-12", "times_assumed_utc": 1, "unreadable_times": 1}]


def test_runs_found_open_a_week_after_their_creation_are_abandoned(good: Stored) -> None:
    still = "execution.start"
    good.store(FIRST, [run(f"{n:02}", FIRST, still) for n in range(25)])  # created 8 days and 2 hours ago
    good.store(date(2026, 3, 11), [run("a", date(2026, 3, 11), still)])  # 7 days and 2 hours
    good.store(DAY, [run("b", DAY, still)])  # 6 days and 2 hours
    verdicts = good.judge()
    assert failing(verdicts) == {"open_runs_are_not_abandoned"}
    verdict = verdicts["open_runs_are_not_abandoned"]
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    assert numbers(verdict)["abandoned_runs"] == 26
    assert len(sample(verdict)) == 20
    assert [row["run_id"] for row in sample(verdict)][:3] == ["a", "00", "01"]


def test_an_open_run_that_was_not_looked_at_lately_is_not_abandoned(good: Stored) -> None:
    good.store(FIRST, [run("a", FIRST, "execution.start")], at=datetime(2026, 3, 12, tzinfo=UTC))
    assert failing(good.judge()) == set()


@pytest.mark.parametrize("dataset", [RUN_STATUS_COUNTS.name, FAILURE_RATES.name])
def test_a_metric_that_counts_other_than_the_rows_is_found(good: Stored, dataset: str) -> None:
    _, lineage = load_table(good.layout, dataset, "cloudcruise", DAY, ["runs"])
    store_table(good.layout, dataset, "cloudcruise", DAY, pa.table({"runs": [1, 4]}), lineage)
    verdicts = good.judge()
    assert failing(verdicts) == {"counts_match_the_rows"}
    verdict = verdicts["counts_match_the_rows"]
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    assert numbers(verdict)["days_with_other_counts"] == 1
    counts = {RAW_RUNS: 2, RUNS.name: 2, RUN_STATUS_COUNTS.name: 2, FAILURE_RATES.name: 2, dataset: 5}
    assert sample(verdict) == [{"day": "2026-03-12", **counts}]


def test_tables_behind_the_newest_read_are_named_and_their_counts_not_compared(good: Stored) -> None:
    good.read(DAY, [run("new", DAY)], at=NOW + timedelta(hours=1))  # the tables stay
    good.file(FAILURE_RATES.name, FIRST).unlink()
    _, lineage = load_table(good.layout, RUN_STATUS_COUNTS.name, "cloudcruise", YESTERDAY, ["runs"])
    old = replace(lineage, code_version="0")
    store_table(good.layout, RUN_STATUS_COUNTS.name, "cloudcruise", YESTERDAY, pa.table({"runs": [2]}), old)
    verdicts = good.judge()
    assert failing(verdicts) == {"metrics_follow_the_newest_read"}
    verdict = verdicts["metrics_follow_the_newest_read"]
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    assert numbers(verdict)["days_behind"] == 3
    assert [(row["day"], row["table"]) for row in sample(verdict)] == [
        ("2026-03-17", RUN_STATUS_COUNTS.name),
        ("2026-03-12", RUNS.name),
        ("2026-03-12", RUN_STATUS_COUNTS.name),
        ("2026-03-12", FAILURE_RATES.name),
        ("2026-03-10", FAILURE_RATES.name),
    ]
    assert numbers(verdicts["counts_match_the_rows"])["days_not_judged"] == 2


@pytest.mark.parametrize(
    ("dataset", "told_by"),
    [
        (RAW_RUNS, "days_in_reach_are_stored"),
        (QUARANTINE, "nothing_is_quarantined"),
        (RUNS.name, "metrics_follow_the_newest_read"),
        (RUN_STATUS_COUNTS.name, "metrics_follow_the_newest_read"),
        (FAILURE_RATES.name, "metrics_follow_the_newest_read"),
    ],
)
def test_a_damaged_file_fails_the_check_it_belongs_to_and_is_named(good: Stored, dataset: str, told_by: str) -> None:
    set_aside(good, DAY, 1 if dataset == QUARANTINE else 0)
    flip_a_byte(good.file(dataset, DAY), 20)
    verdicts = good.judge()
    assert failing(verdicts) == {told_by}
    assert numbers(verdicts[told_by])["damaged_files"] == 1
    [row] = sample(verdicts[told_by])
    assert str(good.file(dataset, DAY)) in str(row)


def test_a_damaged_day_that_is_soon_forgotten_is_unread(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-02-16")
    for day in (date(2026, 2, 16), date(2026, 2, 17)):
        stored.store(day)
    flip_a_byte(stored.file(RAW_RUNS, date(2026, 2, 17)), 20)
    verdicts = stored.judge()
    assert failing(verdicts) == {"days_in_reach_are_stored", "no_day_is_about_to_be_forgotten_unread"}
    assert numbers(verdicts["no_day_is_about_to_be_forgotten_unread"])["days_about_to_be_forgotten"] == 1
    assert verdicts["days_in_reach_are_stored"].severity == dg.AssetCheckSeverity.ERROR


def test_what_is_wrong_beyond_reach_is_not_judged(good: Stored) -> None:
    before = FIRST - timedelta(days=1)
    good.store(before, [run("2026-03-10-1", before, "strange")])
    flip_a_byte(good.file(FAILURE_RATES.name, before), 20)
    good.store(TODAY + timedelta(days=1), [run("2026-03-10-1", before, "strange")])
    assert failing(good.judge()) == set()


def test_an_unusable_setting_fails_the_step_with_its_name(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "many")
    with pytest.raises(dg.Failure, match="CLOUDCRUISE_RETENTION_DAYS"):
        stored.judge()
