"""A week's summary: what is in it, and what it says where nothing is known."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.addresses import addresses_of
from runs_assets.alerts.digest import Week, last_week, week_of
from runs_assets.alerts.memory import Memory, MemoryFile, UndeliveredNotification
from runs_assets.alerts.settings import alert_settings
from runs_assets.cli import main
from runs_assets.days import DayRange
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.receiver import Receiver
from runs_assets_tests.alerts.rows import T0, days, health, hours
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.files_on_disk import folder_of

WEEK = DayRange(date(2026, 3, 9), date(2026, 3, 15))
SUNDAY = datetime(2026, 3, 15, 6, 0, tzinfo=UTC)
LINKS = WatchFile(links={"cloudcruise": "https://app.example.com/runs/{run_id}"})
EMPTY = "There is no data for this week yet."


def trend(day: date, decided: int, failed: int, **other: Any) -> Mapping[str, Any]:
    row = {"source": "cloudcruise", "scope": "source", "period": "day", "date": day, "is_final": True}
    return {**row, "decided": decided, "failed": failed, **other}


def lines(layout: Layout, days_: DayRange = WEEK) -> list[str]:
    return Week.stored(layout, days_, T0).summary(LINKS, T0).body.splitlines()


@pytest.mark.parametrize(
    ("now", "first"),
    [("2026-03-16T00:00", "2026-03-09"), ("2026-03-15T23:59", "2026-03-02"), ("2026-01-07T12:00", "2025-12-29")],
)
def test_the_last_week_is_the_last_that_is_over(now: str, first: str) -> None:
    found = last_week(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert (str(found.first), len(found)) == (first, 7)


def test_a_week_has_its_iso_name() -> None:
    assert week_of("2026-W11") == WEEK
    assert week_of("2026-W01").first == date(2025, 12, 29)
    assert week_of("2026-W53").last == date(2027, 1, 3)


@pytest.mark.parametrize("name", ["2026-11", "2026-W1", "2026-W00", "2025-W53", "W11", "2026-W11-1", ""])
def test_what_is_no_week_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"week"):
        week_of(name)
    with pytest.raises(SystemExit, match="2"):
        main(["digest", "--week", name])
    assert "week" in capsys.readouterr().err


def test_before_anything_was_judged_it_says_so(layout: Layout) -> None:
    assert lines(layout) == [EMPTY]
    assert not folder_of(layout).exists()


def test_it_tells_all_that_happened_in_the_week(layout: Layout) -> None:
    monday = WEEK.first
    store_rows(
        layout,
        "failure_trends",
        [
            *(trend(monday + timedelta(days=n), 100, 5) for n in range(5)),
            trend(monday + timedelta(days=5), 40, 10, is_final=False),
            trend(monday - timedelta(days=1), 200, 4),
            trend(monday - timedelta(days=8), 999, 999),  # two weeks before
            trend(monday, 100, 5, scope="pipeline", pipeline_id="p1"),
            trend(WEEK.last, 30, 30, period="now"),
        ],
    )
    store_rows(
        layout,
        "pipeline_health",
        [
            health("p1", "down", pipeline_name="invoices", since=SUNDAY),
            health("p2", "flaky", since=SUNDAY),
            health("p3", "ok", is_slower=True, slower_ratio=1.75),
        ],
    )
    stretch = {"source": "cloudcruise", "failures": 7, "is_confirmed": True, "source_read_until": T0}
    store_rows(
        layout,
        "outages",
        [
            {
                **stretch,
                "pipeline_id": "p1",
                "pipeline_name": "invoices",
                "failing_since": SUNDAY,
                "latest_run_id": "r7",
            },
            {
                **stretch,
                "pipeline_id": "p4",
                "failing_since": SUNDAY - days(7),
                "ended_at": SUNDAY - days(5),
                "latest_run_id": "r4",
            },
            {**stretch, "pipeline_id": "p5", "failing_since": SUNDAY - days(9), "ended_at": SUNDAY - days(8)},
            {**stretch, "pipeline_id": "p6", "failing_since": SUNDAY + days(1)},
            {**stretch, "pipeline_id": "p7", "failing_since": SUNDAY, "is_confirmed": False},
        ],
    )
    silent = {"source": "cloudcruise", "kind": "no_runs", "state": "ended", "source_read_until": T0}
    store_rows(
        layout,
        "silences",
        [
            {
                **silent,
                "pipeline_id": "p8",
                "since": SUNDAY - days(3),
                "expected_by": SUNDAY - days(2),
                "ended_at": SUNDAY,
            },
            {**silent, "pipeline_id": "p9", "since": SUNDAY, "expected_by": SUNDAY + days(1), "state": "open"},
        ],
    )
    names = {"source": "cloudcruise", "pipeline_id": "p1", "pipeline_name": "invoices"}
    reason: dict[str, Any] = {**names, "side": "ours", "category": "x", "source_read_until": SUNDAY}
    store_rows(
        layout,
        "failure_reasons",
        [
            {**reason, "reason": "TIMEOUT", "date": WEEK.last, "runs": 4, "example_run_id": "r7"},
            {**reason, "reason": "TIMEOUT", "date": monday, "runs": 3, "example_run_id": "r1"},
            {**reason, "reason": "LOGIN", "date": WEEK.last, "runs": 3, "example_run_id": None, "is_new": True},
            {**reason, "reason": "LOGIN", "date": WEEK.last + timedelta(days=1), "runs": 30},
        ],
    )
    lost = UndeliveredNotification(title="DOWN p1", decided_at=SUNDAY, given_up_at=SUNDAY + days(3))
    before = UndeliveredNotification(title="DOWN p0", decided_at=SUNDAY - days(12), given_up_at=SUNDAY - days(9))
    MemoryFile(layout).save(Memory(undelivered=(before, lost)), T0)
    assert lines(layout) == [
        "cloudcruise: 35 of 540 runs failed (6.5 %); the week before: 4 of 200 runs failed (2.0 %)",
        "  Incomplete days:",
        "  - 2026-03-14 may still change",
        "  - 2026-03-15 has not been read",
        "  Outages:",
        "  - invoices: 7 failures since 2026-03-15 06:00 UTC, ongoing, LOGIN, run r7 https://app.example.com/runs/r7",
        "  - p4: 7 failures since 2026-03-08 06:00 UTC, lasted 2 d 0 h, run r4 https://app.example.com/runs/r4",
        "  Silences:",
        "  - p8: no run since 2026-03-12 06:00 UTC, until 2026-03-15 06:00 UTC",
        "  Most failures:",
        "  - invoices: TIMEOUT, 7 runs, attribution: ours, run r7 https://app.example.com/runs/r7",
        "  - invoices: LOGIN, 3 runs, attribution: ours",
        "  New reasons:",
        "  - invoices: LOGIN, 3 runs on 2026-03-15, attribution: ours",
        "  Now, as of 2026-03-18 12:00 UTC:",
        "  Wrong now:",
        "  - invoices: down since 2026-03-15 06:00 UTC",
        "  To watch:",
        "  - p2: flaky since 2026-03-15 06:00 UTC",
        "  Slower:",
        "  - p3: runs take 1.8 times as long as in the four weeks before",
        "  Undelivered notifications:",
        "  - DOWN p1 (decided 2026-03-15 06:00 UTC)",
    ]


def test_a_week_of_the_past_says_nothing_of_the_present(layout: Layout) -> None:
    store_rows(layout, "pipeline_health", [health("p1", "down", since=SUNDAY)])
    assert lines(layout, week_of("2026-W10")) == [
        "cloudcruise: no completed runs; the week before: no completed runs",
        "  Incomplete days:",
        *(f"  - 2026-03-0{day} has not been read" for day in range(2, 9)),
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "data"))
    (tmp_path / "data/raw_runs").mkdir(parents=True)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_command_prints_it_and_sends_it_if_there_is_somebody_to_tell(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    title = "Week 2026-W11: 2026-03-09 to 2026-03-15"
    assert main(["digest", "--week", "2026-W11"]) == 0
    assert capsys.readouterr().out.splitlines() == [title, EMPTY]
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a"))
    assert main(["digest", "--week", "2026-W11", "--no-send"]) == 0
    assert receiver.got == []
    assert main(["digest", "--week", "2026-W11"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Sent."
    assert [(body["title"], body["message"], body["type"]) for _, body in receiver.got] == [(title, EMPTY, "info")]
    receiver.answers["a"] = 500
    assert main(["digest"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Sent. Deliveries waiting: 1."


@pytest.mark.usefixtures("folder")
def test_where_no_route_sends_it_to_anybody_it_says_so(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a", "phone"))
    assert main(["digest"]) == 0
    said = "Not sent: all addresses have tags, and no route sends it to one of them."
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert receiver.got == []


def test_what_is_wrong_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", "hidden-address")
    assert main(["digest"]) == 1
    assert "address 1 is not a URL that Apprise supports" in capsys.readouterr().err
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", "")
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", str(folder / "none.toml"))
    assert main(["digest"]) == 1
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_the_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses_of(alert_settings().alert_urls) == ()
    assert alert_settings().unread_after == hours(6)
    monkeypatch.setenv("RUNS_ASSETS_UNREAD_AFTER_HOURS", "1.5")
    assert alert_settings().unread_after == hours(1.5)
