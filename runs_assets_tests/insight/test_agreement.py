"""All answers are views of the same runs: they agree with each other, and with the raw lines, to the last row."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, Self

import orjson
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.cli import main
from runs_assets.days import DayRange
from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet, fleet_of
from runs_assets.insight.histories import MOST_FAILURES
from runs_assets.sandbox import simulated_cloudcruise, simulated_productsup
from runs_assets.sources.source import Source
from runs_assets.watch_file import WatchFile
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project

DAYS = DayRange(NOW.date() - timedelta(days=3), NOW.date() - timedelta(days=1))
PERIOD = ["--since", str(DAYS.first), "--until", str(DAYS.last)]


def has_failed(line: dict[str, Any]) -> bool:
    """By the vendors' pages; dry runs do not count."""
    if "session_id" in line:
        return line["status"] == "execution.failed" and not line["dry_run"]
    return line["exit-code"] not in {0, None} or line["state"] == "failed"


def failed_lines(project: Project, source: str) -> dict[str, str]:
    """The ids of the failed runs in the raw files, each with its pipeline and day."""
    lines = ((day, line) for day in DAYS.newest_first() for line in (one["run"] for one in project.raw(source, day)))
    run, pipeline = ("session_id", "workflow_id") if source == "cloudcruise" else ("id", "connector-id")
    return {line[run]: f"{line[pipeline]} {day}" for day, line in lines if has_failed(line)}


def exit_codes(project: Project) -> dict[str, str]:
    """By the id of a run of Productsup, the reason if it failed; the lines of CloudCruise say nothing of reasons."""
    lines = (one["run"] for day in DAYS.newest_first() for one in project.raw("productsup", day))
    return {line["id"]: f"exit code {code}" if (code := line["exit-code"]) else "no exit code" for line in lines}


def json_lines(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    main([*arguments, "--json"])
    return [orjson.loads(line) for line in capfd.readouterr().out.splitlines()]


def store_three_days(project: Project, source: Source) -> None:
    project.sandbox.cloudcruise.history = simulated_cloudcruise(days=5, volume=0.5)
    project.sandbox.productsup.history = simulated_productsup(days=5, volume=0.5)
    assert project.materialize(source.name, DAYS.first, DAYS.last).success
    assert main(["refresh"]) == 0


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_runs_rates_reasons_and_records_agree_with_the_raw_lines(
    source: Source, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of three whole days, as the sandbox simulates them."""
    store_three_days(project, source)
    expected = failed_lines(project, source.name)
    assert len(expected) > 10
    codes = exit_codes(project) if source.explanations.exit_code else {}

    capfd.readouterr()
    listed = json_lines(capfd, "runs", "--failed", "--source", source.name, *PERIOD)
    assert {row["run_id"]: f"{row['pipeline_id']} {row['created_at'][:10]}" for row in listed} == expected
    rates = [(day, row) for day in DAYS.newest_first() for row in project.table("failure_rates", source.name, day)]
    counted = {f"{row['pipeline_id']} {day}": row["failed"] for day, row in rates if row["failed"]}
    assert counted == Counter(expected.values())

    for pipeline in sorted({key.split()[0] for key in expected.values()}):
        its = {run for run, key in expected.items() if key.startswith(pipeline)}
        rows = json_lines(capfd, "pipeline", pipeline)
        assert {row["run_id"] for row in rows if row["kind"] == "run"} == its
        assert sum(row["failed"] for row in rows if row["kind"] == "day") == len(its)
        assert sum(row["failed"] for row in rows if row.get("dimension") == "workspace") == len(its)
        reasons = Counter(row["reason"] for row in listed if row["run_id"] in its)
        if source.explanations.exit_code:  # or runs that an API's errors do not name get a share of its counts
            assert {row["reason"]: row["runs"] for row in rows if row["kind"] == "reason"} == reasons
            assert reasons == Counter(codes[run] for run in its)
        assert sum(row["runs"] for row in rows if row["kind"] == "reason") == len(its)


class RawRun(NamedTuple):
    """A run as its raw line has it; `seconds` is how long it took, None where that is not known."""

    run_id: str
    pipeline_id: str
    day: date
    created_at: datetime
    has_failed: bool
    has_succeeded: bool
    is_dry: bool
    is_open: bool
    seconds: float | None
    parts: dict[str, str | None]

    @classmethod
    def of(cls, line: dict[str, Any], day: date) -> Self:
        """By the vendors' pages."""
        if "session_id" in line:
            names = ("session_id", "workflow_id", "created_at", "execution_start", "execution_end")
            success, parts = line["status"] == "execution.success", {"workspace": line["workspace_id"]}
            ended = {"execution.success", "execution.failed", "execution.stopped"}
            is_open = line["status"] not in ended and not line["dry_run"]
        else:
            names = ("id", "connector-id", "created-at", "started-at", "finished-at")
            success, is_open = line["state"] == "finished" and line["exit-code"] == 0, line["finished-at"] is None
            parts = {"version": line["connector-version"], "workspace": str(line["account-id"])}
            parts["site"] = str(line["site-id"])
        run_id, pipeline_id, *times = (line[name] for name in names)
        created, began, end = (datetime.fromisoformat(time) if time else None for time in times)
        took = (end - began).total_seconds() if began and end else None
        assert created
        dry = bool(line.get("dry_run"))
        return cls(run_id, pipeline_id, day, created, has_failed(line), success and not dry, dry, is_open, took, parts)


def raw_runs(project: Project, source: str) -> list[RawRun]:
    return [RawRun.of(one["run"], day) for day in DAYS.newest_first() for one in project.raw(source, day)]


def quantile(values: Iterable[float], share: float) -> float | None:
    """By linear interpolation between the two neighbours."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below, above = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    return below + (above - below) * (place - int(place))


def counts(runs: list[RawRun]) -> tuple[int | float | None, ...]:
    completed = [run for run in runs if run.has_failed or run.has_succeeded]
    failed, is_open = (sum(getattr(run, name) for run in runs) for name in ("has_failed", "is_open"))
    rate = failed / len(completed) if completed else None
    return len(runs), sum(run.is_dry for run in runs), len(completed), failed, is_open, rate


def counts_of(day: DayCounts) -> tuple[int | float | None, ...]:
    return day.runs, day.dry_runs, day.completed, day.failed, day.open, day.failure_rate


def durations(runs: Iterable[RawRun]) -> list[float | None]:
    took = [run.seconds for run in runs if run.has_succeeded and run.seconds is not None]
    return [quantile(took, 0.5), quantile(took, 0.95)]


def counted_parts(runs: Iterable[RawRun]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for run in (run for run in runs if run.has_failed or run.has_succeeded):
        for dimension, value in run.parts.items():
            if value is not None:
                found[dimension, value, "completed"] += 1
                found[dimension, value, "failed"] += run.has_failed
    return +found


def as_json(row: Any) -> dict[str, Any]:
    """As the commands print it."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(row, option=orjson.OPT_UTC_Z))
    return found


def fleet(project: Project, source: Source) -> Fleet:
    return fleet_of(project.layout, WatchFile(), [source], now=NOW, window_days=28, longest_unread=timedelta(hours=6))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_number_of_the_fleet_follows_from_the_raw_lines(source: Source, project: Project) -> None:
    store_three_days(project, source)
    raw, found = raw_runs(project, source.name), fleet(project, source)
    assert {history.health.pipeline_id for history in found.pipelines} == {run.pipeline_id for run in raw}
    for history in found.pipelines:
        its = [run for run in raw if run.pipeline_id == history.health.pipeline_id]
        for day in history.days:
            of_day = [run for run in its if run.day == day.date]
            assert day.is_read == (day.date in DAYS)
            assert counts_of(day) == counts(of_day)
            assert [day.duration_p50_seconds, day.duration_p95_seconds] == pytest.approx(durations(of_day))
        failed = sorted((run for run in its if run.has_failed), key=lambda run: run.run_id)
        failed.sort(key=lambda run: run.created_at, reverse=True)
        assert [run.run_id for run in history.failures] == [run.run_id for run in failed][:MOST_FAILURES]
        assert sum(row["runs"] for row in history.reasons) == len(failed)
        parts = {
            (row["dimension"], row["value"], name): row[name]
            for row in history.parts
            for name in ("completed", "failed")
        }
        assert Counter(parts) == counted_parts(its)
    [whole] = found.sources
    assert [counts_of(day) for day in whole.days] == [
        counts([run for run in raw if run.day == day.date]) for day in whole.days
    ]
    assert (whole.stored_days, whole.whole_days, whole.missing_days, whole.set_aside) == (3, 3, 0, {})
    assert whole.open_runs == sum(run.is_open for run in raw)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_fleet_says_what_the_terminal_says(
    source: Source, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    store_three_days(project, source)
    found = fleet(project, source)
    capfd.readouterr()
    [whole] = found.sources
    assert whole.status
    assert [as_json(one) for one in whole.status.wrong] == json_lines(capfd, "status", "--source", source.name)
    for history in found.pipelines:
        lines = json_lines(capfd, "pipeline", history.health.pipeline_id or "")
        stored = {row["date"]: row for row in lines if row["kind"] == "day"}
        days = {str(day.date): day for day in history.days if day.runs}
        assert days.keys() == stored.keys()
        for date_of, day in days.items():
            row = stored[date_of]
            assert (day.runs, day.failed, day.open, day.is_final) == tuple(
                row[name] for name in ("runs", "failed", "open", "is_final")
            )
            low_high = (day.failure_rate_low, day.failure_rate_high, day.duration_p50_seconds, day.duration_p95_seconds)
            assert low_high == tuple(
                row[name]
                for name in ("failure_rate_low", "failure_rate_high", "duration_p50_seconds", "duration_p95_seconds")
            )
        runs = [row["run_id"] for row in lines if row["kind"] == "run"]
        assert [run.run_id for run in history.failures] == runs[:MOST_FAILURES]
        assert [run.reason for run in history.failures] == [row["reason"] for row in lines if row["kind"] == "run"][
            :MOST_FAILURES
        ]
        for kind, rows in (("reason", history.reasons), ("part", history.parts)):
            assert [as_json({"kind": kind, **row}) for row in rows] == [row for row in lines if row["kind"] == kind]
