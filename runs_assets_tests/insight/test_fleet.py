"""The fleet by day, from stored days and rows of verdict tables that are written by hand."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.alerts.lifecycle import PipelineIncident
from runs_assets.alerts.memory import Acknowledgement, Memory, MemoryFile, SourceMemory
from runs_assets.errors import DamagedFileError, StorageError
from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet, fleet_of
from runs_assets.insight.histories import PipelineHistory
from runs_assets.insight.record import find_pipeline, record_of
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.quarantine import store_quarantine
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.verdicts.cases import READ_UNTIL, at
from runs_assets_tests.verdicts.storing import runs_table, store_runs

SOURCE = "productsup"
NOW = READ_UNTIL + timedelta(minutes=20)
IT: dict[str, Any] = {"source": SOURCE, "pipeline_id": "p", "source_read_until": READ_UNTIL}
Lines = Sequence[tuple[str, str | None, str, datetime, int]]
"""The id of a run, its pipeline, its status, when it was created, and how many seconds it took."""


def store_day(layout: Layout, day: date, lines: Lines, *, whole: bool = True, settled: bool = False) -> None:
    ids, pipelines, statuses, created, took = zip(*lines, strict=True)
    columns: dict[str, Any] = {"run_id": ids, "pipeline_id": pipelines, "status": statuses, "created_at": created}
    ends = [
        None if status == "running" else at + timedelta(seconds=seconds)
        for status, at, seconds in zip(statuses, created, took, strict=True)
    ]
    columns |= {"finished_at": ends, "pipeline_version": [f"v{one[0]}" for one in ids], "site_id": ["site"] * len(ids)}
    store_runs(layout, SOURCE, day, runs_table(columns), at(3, 19) if whole else READ_UNTIL, settled=settled)


def store_verdicts(layout: Layout, **rows: list[dict[str, Any]]) -> None:
    health = {"pipeline_health": [{**IT, "state": "ok"}], "source_health": [{**IT, "state": "ok"}]}
    for table in ("pipeline_health", "source_health", "failure_trends", "outages", "silences", "failure_reasons"):
        store_rows(layout, table, [{**IT, **row} for row in (health | rows).get(table, [])])


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    store_verdicts(layout)
    return layout


def fleet(layout: Layout, window_days: int = 28) -> Fleet:
    return fleet_of(layout, WatchFile(), SOURCES, now=NOW, window_days=window_days, longest_unread=timedelta(hours=6))


def only(layout: Layout) -> PipelineHistory:
    [found] = fleet(layout).pipelines
    return found


def test_each_day_of_the_window_has_its_counts_or_says_that_it_was_not_read(layout: Layout) -> None:
    noon, earlier = at(3, 18, 11), at(3, 16, 9)
    store_day(
        layout,
        earlier.date(),
        [(f"a{n}", "p", "succeeded", earlier, 10 * n) for n in range(1, 4)] + [("f1", "p", "failed", earlier, 500)],
        settled=True,
    )
    store_day(layout, noon.date(), [("a1", "p", "running", noon, 0), ("c1", "p", "cancelled", noon, 5)], whole=False)
    trend = {"scope": "pipeline", "period": "day", "date": earlier.date(), "baseline_rate": 0.125, "verdict": "worse"}
    store_verdicts(
        layout,
        failure_trends=[
            trend,
            {**trend, "scope": "source", "pipeline_id": None, "baseline_rate": 0.5, "verdict": "normal"},
        ],
    )
    days = only(layout).days
    assert [day.date for day in days] == [date(2026, 2, 19) + timedelta(days=n) for n in range(28)]
    assert [day.date.day for day in days if day.is_read] == [16, 18]
    # 1 of 4: the Wilson interval by hand, z = 1.96: (0.25 + z2/8 -+ z sqrt(0.1875/4 + z2/64)) / (1 + z2/4)
    low, high = days[-3].failure_rate_low, days[-3].failure_rate_high
    assert [low, high] == pytest.approx([0.0455873, 0.6993581], abs=1e-6)
    # the successes took 10, 20 and 30 seconds; by linear interpolation 95 % are at 1.9 of the way from 0 to 2
    assert days[-3] == DayCounts(
        date=earlier.date(),
        is_read=True,
        is_whole=True,
        is_final=True,
        runs=4,
        completed=4,
        failed=1,
        failure_rate=0.25,
        failure_rate_low=low,
        failure_rate_high=high,
        duration_p50_seconds=20.0,
        duration_p95_seconds=29.0,
        usual_rate=0.125,
        is_worse=True,
    )
    assert days[-2] == DayCounts(date=date(2026, 3, 17), is_read=False, is_whole=False, is_final=False)
    assert days[-1] == DayCounts(date=noon.date(), is_read=True, is_whole=False, is_final=False, runs=2, open=1)
    [source] = fleet(layout).sources
    assert (source.stored_days, source.whole_days, source.final_days, source.missing_days) == (2, 1, 1, 1)
    assert (source.days[-3].usual_rate, source.days[-3].is_worse) == (0.5, False)


def test_a_source_sums_its_pipelines_and_those_without_an_id(layout: Layout) -> None:
    start = at(3, 17, 9)
    store_day(
        layout,
        start.date(),
        [("a1", "p", "succeeded", start, 1), ("f1", None, "failed", start, 1), ("o1", None, "running", start, 1)],
    )
    store_verdicts(layout, pipeline_health=[{"state": "ok"}, {"pipeline_id": None, "state": "ok"}])
    found = fleet(layout)
    named = {history.health.pipeline_id: history.days[-2] for history in found.pipelines}
    assert (named["p"].runs, named["p"].failed, named[None].runs, named[None].failed, named[None].open) == (
        1,
        0,
        2,
        1,
        1,
    )
    assert [run.run_id for history in found.pipelines for run in history.failures] == ["f1"]
    whole = found.sources[0].days[-2]
    assert (whole.runs, whole.completed, whole.failed, whole.open, whole.failure_rate) == (3, 2, 1, 1, 0.5)
    assert [whole.failure_rate_low, whole.failure_rate_high] == pytest.approx([0.0945312, 0.9054688], abs=1e-6)
    assert whole.duration_p95_seconds is None
    assert found.sources[0].open_runs == 1


def test_the_worst_come_first_whatever_their_source_then_the_well_ones_by_name(layout: Layout) -> None:
    well = [{"pipeline_id": one, "pipeline_name": name, "state": "ok"} for one, name in (("1", "beta"), ("2", "alpha"))]
    down = {"pipeline_id": "3", "state": "down", "since": at(3, 18)}
    other = {"source": "cloudcruise", "pipeline_id": "4", "state": "down", "since": at(3, 16)}
    store_verdicts(
        layout,
        pipeline_health=[*well, down, other, {"pipeline_id": "5", "state": "flaky"}],
        source_health=[{"state": "ok"}, {"state": "ok", "source": "cloudcruise"}],
    )
    for source in ("cloudcruise", SOURCE):
        store_runs(
            layout,
            source,
            at(3, 17).date(),
            runs_table({"run_id": ["r"], "pipeline_id": ["1"], "status": ["failed"], "created_at": [at(3, 17)]}),
            at(3, 18),
            settled=True,
        )
    assert [history.health.pipeline_id for history in fleet(layout).pipelines] == ["4", "3", "5", "2", "1"]


def test_the_last_twenty_failures_are_shown_the_newest_first(layout: Layout) -> None:
    start = at(3, 17, 9)
    store_day(layout, start.date(), [(f"f{n:02}", "p", "failed", start + timedelta(minutes=n), 1) for n in range(25)])
    assert [run.run_id for run in only(layout).failures] == [f"f{n:02}" for n in range(24, 4, -1)]


def test_a_record_and_the_fleet_say_the_same_of_four_weeks(layout: Layout) -> None:
    start = at(3, 17, 9)
    lines: Lines = [
        ("a1", "p", "succeeded", start, 1),
        ("f1", "p", "failed", start, 1),
        ("b1", "q", "failed", start, 1),
    ]
    store_day(layout, start.date(), lines)
    streaks: list[dict[str, Any]] = [
        {"failing_since": at(3, 1), "ended_at": at(3, 2), "is_confirmed": True, "kind": "down"},
        {"failing_since": at(3, 3), "ended_at": at(3, 4), "is_confirmed": False},
        {"failing_since": at(1, 3), "ended_at": at(1, 4), "is_confirmed": True},
        {"failing_since": at(3, 8), "ended_at": None, "is_confirmed": True, "kind": "failing"},
    ]
    silence = {"since": at(3, 5), "ended_at": at(3, 6), "state": "ended"}
    seen: dict[str, Any] = {"first_seen_at": at(3, 17), "last_seen_at": at(3, 17)}
    reasons = [
        {"date": start.date(), "reason": "E42", "runs": 2, **seen},
        {"date": date(2026, 1, 3), "reason": "old", "runs": 9, **seen},
    ]
    store_verdicts(
        layout, outages=streaks, silences=[silence, {**silence, "ended_at": at(1, 5)}], failure_reasons=reasons
    )
    record, history = record_of(layout, WatchFile(), SOURCES[1], find_pipeline(layout, [SOURCE], "p")), only(layout)
    assert [row["failing_since"] for row in history.outages] == [at(3, 8), at(3, 1)]
    assert [row["ended_at"] for row in history.silences] == [at(3, 6)]
    assert [(row["reason"], row["runs"]) for row in history.reasons] == [("E42", 2)]
    assert [tuple(row.values()) for row in history.parts] == [
        ("version", "vf", 1, 1),
        ("version", "va", 1, 0),
        ("site", "site", 2, 1),
    ]
    for name in ("health", "outages", "silences", "reasons", "parts", "failures"):
        assert getattr(record, name) == getattr(history, name), name


def changes(layout: Layout) -> list[tuple[str, str | None, datetime, str]]:
    return [(one.kind.value, one.pipeline_id, one.at, one.what) for one in fleet(layout).changes]


def test_what_began_or_ended_within_a_day_is_a_change(layout: Layout) -> None:
    yesterday, before = READ_UNTIL - timedelta(hours=24), READ_UNTIL - timedelta(hours=24, microseconds=1)
    store_verdicts(
        layout,
        source_health=[{"state": "failing", "since": at(3, 18, 11), "affected": 3, "active": 9, "usual": 0.2}],
        pipeline_health=[
            {"pipeline_id": "new", "state": "down", "since": yesterday, "failures": 7, "reason": "E42", "reason_side": "ours"},
            {"pipeline_id": "old", "state": "down", "since": before, "failures": 7},
            {"pipeline_id": "worse", "state": "worse", "since": yesterday, "failed_24h": 4, "decided_24h": 9},
            {"pipeline_id": "young", "state": "new", "since": yesterday},
            {"pipeline_id": "well", "state": "ok", "since": at(3, 18, 9)},
        ],
        outages=[
            {"pipeline_id": "well", "failing_since": at(3, 18, 6), "ended_at": at(3, 18, 8, 30), "failures": 4, "is_confirmed": True},
            {"pipeline_id": "well", "failing_since": at(3, 18, 9), "ended_at": at(3, 18, 10), "failures": 2},
            {"pipeline_id": "well", "failing_since": at(3, 15), "ended_at": before, "failures": 9, "is_confirmed": True},
        ],
        silences=[
            {"pipeline_id": "well", "kind": "no_runs", "since": at(3, 17, 9), "ended_at": at(3, 18, 9), "state": "ended"},
            {"pipeline_id": "well", "kind": "no_success", "since": at(3, 17, 9), "ended_at": at(3, 18, 7), "state": "changed"},
        ],
    )  # fmt: skip
    store_day(layout, at(3, 17).date(), [("a1", "well", "succeeded", at(3, 17), 1)])
    assert changes(layout) == [
        ("new", None, at(3, 18, 11), "failing: 3 of 9 pipelines fail (usually 0.2)"),
        ("resolved", "well", at(3, 18, 9), "runs again after 1 d 0 h"),
        ("resolved", "well", at(3, 18, 8, 30), "succeeds again after 2 h 30 min and 4 failures in a row"),
        ("resolved", "well", at(3, 18, 7), "completes runs again, less often than before, after 22 h 0 min"),
        ("new", "new", yesterday, "down: 7 failures in a row: E42 (ours)"),
        ("worse", "worse", yesterday, "worse: 4 of 9 failed in 24 h"),
    ]


def test_a_reason_is_new_that_no_day_before_had(layout: Layout) -> None:
    store_day(layout, at(3, 17).date(), [("a1", "p", "failed", at(3, 17), 1)])
    new: dict[str, Any] = {
        "reason": "E\x1b[2J42",
        "side": "ours",
        "is_new": True,
        "first_seen_at": at(3, 18, 9),
        "last_seen_at": at(3, 18, 9),
        "runs": 2,
        "date": date(2026, 3, 18),
    }
    old = {**new, "reason": "again", "first_seen_at": at(3, 15), "date": date(2026, 3, 15)}
    rows = [
        old,
        {**old, "is_new": False, "first_seen_at": at(3, 18, 9), "date": date(2026, 3, 18)},
        new,
        {**new, "reason": "usual", "is_new": False},
    ]
    store_verdicts(layout, failure_reasons=rows)
    assert changes(layout) == [("new reason", "p", at(3, 18, 9), "2 runs failed: E [2J42 (ours)")]


def test_a_version_is_new_that_ran_first_within_a_day_after_others(layout: Layout) -> None:
    first = at(3, 18, 9)
    store_day(
        layout,
        at(3, 16).date(),
        [
            ("a1", "p", "succeeded", at(3, 16), 1),
            ("x1", "q", "succeeded", at(3, 16), 1),
        ],
    )
    store_day(
        layout,
        at(3, 17).date(),
        [
            ("b1", "p", "succeeded", at(3, 17), 1),
            ("a2", "p", "failed", at(3, 17, 1), 1),
            ("b9", "q", "succeeded", at(3, 17), 1),
        ],
    )
    lines: Lines = [
        ("c1", "p", "failed", first, 1),
        ("c2", "p", "succeeded", first, 1),
        ("b2", "p", "succeeded", first, 1),
        ("n1", "only", "failed", first, 1),
        ("x2", "q", "failed", first, 1),
    ]
    store_day(layout, first.date(), lines, whole=False)
    store_verdicts(layout, pipeline_health=[{"pipeline_id": one, "state": "ok"} for one in ("p", "q", "only")])
    # v-b ran last before: at 9:00 itself, v-a at 1:00 of the day before
    assert changes(layout) == [("new version", "p", first, "vc: 1 of 2 failed (50.0 %); vb: 0 of 2 failed (0.0 %)")]


def acknowledged(
    layout: Layout, *known: Acknowledgement, notified_at: datetime | None = NOW, of: str = "p"
) -> str | None:
    incident = PipelineIncident(
        since=at(3, 18, 8), notified_at=notified_at, pipeline_id=of, pipeline_name=None, state="down"
    )
    memory = Memory(sources={SOURCE: SourceMemory(pipelines=(incident,))}, acknowledged=known)
    MemoryFile(layout).save(memory, NOW)
    return only(layout).acknowledged


def test_what_was_said_of_an_open_incident_is_with_its_pipeline(layout: Layout) -> None:
    assert only(layout).acknowledged is None
    known = Acknowledgement(pipeline="p", note="Anna <b>looks</b>", acknowledged_at=at(3, 18, 9))
    assert acknowledged(layout, known) == "until it is over: Anna <b>looks</b>"
    until = known.model_copy(update={"until": at(3, 19), "acknowledged_at": at(3, 18, 10), "note": None})
    assert acknowledged(layout, known, until) == "until 2026-03-19 08:00 UTC"
    assert acknowledged(layout, until.model_copy(update={"until": NOW})) is None
    assert acknowledged(layout, known.model_copy(update={"pipeline": "q"})) is None
    assert acknowledged(layout, known, notified_at=None) is None
    assert acknowledged(layout, known, of="q") is None


def test_a_damaged_memory_of_notifications_is_named_and_stays_where_it_is(layout: Layout) -> None:
    assert fleet(layout).memory_fault is None
    file = on_disk(MemoryFile(layout).file)
    file.parent.mkdir()
    file.write_text("[]")
    found = fleet(layout)
    assert found.memory_fault is not None
    assert found.memory_fault.startswith(
        f"Acknowledgements are not known. The file {file} is damaged: it is no memory of notifications"
    )
    assert [one.acknowledged for one in found.pipelines] == [None]
    assert [path.name for path in file.parent.iterdir()] == ["state.json"]


def test_a_damaged_day_is_an_error_that_names_its_file(layout: Layout) -> None:
    store_day(layout, at(3, 17).date(), [("a1", "p", "failed", at(3, 17), 1)])
    file = on_disk(layout.day_file("failure_rates", SOURCE, at(3, 17).date()))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match=str(file)):
        fleet(layout)


def test_without_verdicts_there_is_no_fleet(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="There is no pipeline_health yet"):
        fleet(Layout(tmp_path))


def test_a_source_that_was_never_judged_has_days_and_no_state(layout: Layout) -> None:
    start = at(3, 17, 9)
    store_day(layout, start.date(), [("a1", "p", "failed", start, 1)])
    store_verdicts(layout, pipeline_health=[], source_health=[])
    found = fleet(layout)
    [source] = found.sources
    assert (source.status, source.read_until, source.failed_24h) == (None, None, None)
    assert [(day.date.day, day.runs) for day in source.days if day.is_read] == [(17, 1)]
    assert (found.pipelines, found.changes) == ([], [])


def test_a_source_of_which_nothing_is_stored_or_configured_is_left_out(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_verdicts(layout, pipeline_health=[], source_health=[])
    assert fleet(layout).sources == []
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "key")
    [source] = fleet(layout).sources
    assert (source.source, source.stored_days, source.missing_days, source.days[0].is_read) == (
        "cloudcruise",
        0,
        0,
        False,
    )


def test_the_last_24_hours_of_a_source_are_as_failure_trends_has_them(layout: Layout) -> None:
    store_day(layout, at(3, 17).date(), [("a1", "p", "failed", at(3, 17), 1)])
    now: dict[str, Any] = {
        "scope": "source",
        "period": "now",
        "pipeline_id": None,
        "date": at(3, 18).date(),
        "failed": 3,
        "decided": 12,
        "failure_rate": 0.25,
        "baseline_rate": 0.125,
    }
    store_verdicts(layout, failure_trends=[now, {**now, "period": "3 days", "failed": 9}])
    [source] = fleet(layout).sources
    assert (source.failed_24h, source.completed_24h, source.failure_rate_24h, source.usual_rate) == (3, 12, 0.25, 0.125)


def test_rows_that_were_set_aside_are_counted_by_what_is_wrong(layout: Layout) -> None:
    store_day(layout, at(3, 17).date(), [("a1", "p", "failed", at(3, 17), 1)])
    for day, reasons in ((16, ["no id", "no id"]), (17, ["not an object"])):
        lines = [{"reason": reason, "run": number} for number, reason in enumerate(reasons)]
        store_quarantine(DayFiles(layout, SOURCE, date(2026, 3, day)), lines, read_id="r", report=pytest.fail)
    store_quarantine(DayFiles(layout, SOURCE, date(2026, 1, 1)), [{"reason": "old"}], read_id="r", report=pytest.fail)
    assert fleet(layout).sources[0].set_aside == {"no id": 2, "not an object": 1}
