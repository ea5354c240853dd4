"""`runs-assets ack`: what somebody knows of is not reminded of, across restarts, and until when it was said."""

from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.digest import Week, last_week
from runs_assets.alerts.evaluation import evaluate
from runs_assets.alerts.memory import Memory, MemoryFile
from runs_assets.alerts.observation import Observation, Row
from runs_assets.cli import main
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.rows import NOTHING, T0, days, health, hours
from runs_assets_tests.files_on_disk import on_disk

MONTH = range(1, 31)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryFile:
    """A memory in which the pipelines `feed-1` and `wf` are down, as the command finds it at T0."""
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path))
    for module in ("cli", "cli_arguments", "alerts.digest"):
        monkeypatch.setattr(f"runs_assets.{module}.utc_now", lambda: T0)
    (tmp_path / "raw_runs").mkdir()
    file = MemoryFile(Layout(tmp_path))
    file.save(Memory(), T0)
    look(file, 0, *down(0))
    return file


def down(day: float, *names: str) -> list[Row]:
    at = T0 + days(day)
    since: dict[str, Any] = {"since": T0 - hours(2), "failing_since": T0 - hours(2), "confirmed": T0}
    rows: dict[str, dict[str, Any]] = {"feed-1": {"pipeline_name": "invoices"}, "wf": {}}
    return [health(name, "down", at=at, **since, **rows[name]) for name in names or rows]


def look(file: MemoryFile, day: float, *rows: Row) -> list[str]:
    """What is sent at a look of a process of its own, by the first word and the pipeline."""
    now = T0 + days(day)
    found = evaluate(file.load(now), Observation(now, NOTHING, rows))
    file.save(found.memory, T0)
    return [f"{decision.event} {decision.incident.pipeline_id}" for decision in found.decisions]  # type: ignore[attr-defined]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_there_are_no_reminders_until_it_is_over(file: MemoryFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ack", "cloudcruise", "feed-*", "--note", "with the vendor"]) == 0
    assert printed(capsys) == ["No reminders of:", "cloudcruise invoices: down"]
    reminders = [line for day in MONTH for line in look(file, day, *down(day))]
    assert reminders == ["reminded wf"] * 6  # after 1, 3, 7, 14, 21 and 28 days
    ended = T0 + days(31)
    assert look(file, 31, health("feed-1", at=ended), *down(31, "wf")) == ["resolved feed-1"]
    assert file.load(ended).acknowledged == ()
    assert look(file, 33, *down(33)) == ["opened feed-1"]
    assert look(file, 34, *down(34)) == ["reminded feed-1"]


def test_a_snooze_ends_and_the_reminder_that_is_due_comes(file: MemoryFile) -> None:
    assert main(["ack", "cloudcruise", "--until", "2026-03-27"]) == 0
    told = [
        (day, line)
        for day in (1, 3, 7, 9.4, 9.5, 10)
        for line in look(file, day, *down(day, "wf"), *down(day, "feed-1"))
    ]
    assert told == [(9.5, "reminded feed-1"), (9.5, "reminded wf")]  # the 27th ends 9.5 days after T0


def test_a_snooze_outlasts_the_incident(file: MemoryFile) -> None:
    main(["ack", "cloudcruise", "--until", "2026-03-27"])
    well = [health(name, at=T0 + days(2)) for name in ("feed-1", "wf")]
    assert look(file, 2, *well) == ["resolved feed-1", "resolved wf"]
    assert [look(file, day, *down(day, "wf")) for day in (3, 9.4, 9.5)] == [["opened wf"], [], ["reminded wf"]]


def test_what_gets_more_severe_is_told_all_the_same(file: MemoryFile) -> None:
    assert main(["ack", "cloudcruise", "new"]) == 1
    look(file, 0.1, *down(0.1), health("new", "failing", at=T0 + days(0.1)))
    assert main(["ack", "cloudcruise", "new"]) == 0
    worse: dict[str, Any] = {"failures": 99, "reason": "E2"}
    assert look(file, 0.2, *down(0.2), health("new", "failing", at=T0 + days(0.2), **worse)) == []
    assert look(file, 0.3, *down(0.3), health("new", "down", at=T0 + days(0.3))) == ["updated new"]


def test_a_later_word_replaces_the_former(file: MemoryFile) -> None:
    main(["ack", "*", "wf", "--note", "a"])
    main(["ack", "*", "wf", "--note", "b", "--until", "2026-03-20T08:00+01:00"])
    (known,) = file.load(T0).acknowledged
    assert (known.note, known.until) == ("b", T0 + hours(43))


def test_they_are_listed_with_what_is_open_beside_them(file: MemoryFile, capsys: pytest.CaptureFixture[str]) -> None:
    main(["ack", "--list"])
    assert printed(capsys) == [
        "Acknowledged:",
        "nothing",
        "Open, and not acknowledged:",
        "cloudcruise invoices: down",
        "cloudcruise wf: down",
    ]
    main(["ack", "cloudcruise", "wf", "--until", "2026-03-20", "--note", "moving\x1b[2J"])
    printed(capsys)
    main(["ack", "--list"])
    known = "wf of cloudcruise, until 2026-03-21 00:00 UTC: moving [2J"
    assert printed(capsys) == ["Acknowledged:", known, "Open, and not acknowledged:", "cloudcruise invoices: down"]
    week = Week.stored(Layout(on_disk(file.file).parent.parent), last_week(T0), T0).summary(WatchFile(), T0)
    assert week.body.splitlines()[-2:] == ["  Acknowledged:", f"  - {known}"]


def test_what_is_about_nothing_open_is_refused(file: MemoryFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ack", "productsup"]) == 1
    assert capsys.readouterr().err == "No open incident is about pipeline * of source productsup.\n"
    assert file.load(T0).acknowledged == ()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "a source is needed, or --list"),
        (["s", "--until", "tomorrow"], "a time is written as 2026-03-20 or 2026-03-20T08:00, not 'tomorrow'"),
        (["s", "--until", "2026-03-17"], "2026-03-17 is over"),
    ],
)
@pytest.mark.usefixtures("file")
def test_what_makes_no_sense_is_refused(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ack", *arguments])
    assert why in capsys.readouterr().err
