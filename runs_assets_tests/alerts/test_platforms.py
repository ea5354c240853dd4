"""Many pipelines down at once are one incident, and what is left of them goes on as incidents of pipelines."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.observation import Row
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours

BEFORE = T0 - hours(2)


def many(down: int, of: int, *, at: datetime = T0, since: datetime = BEFORE) -> list[Row]:
    """The first `down` of some pipelines are down."""
    return [
        health(f"p{n:02}", "down" if n < down else "ok", at=at, since=since if n < down else None) for n in range(of)
    ]


def test_one_message_instead_of_many_and_one_when_it_ends() -> None:
    people = Watching()
    assert people.evaluate(*many(5, 10)) == ["PLATFORM cloudcruise: 5 pipelines down since 2026-03-18 10:00 UTC"]
    assert "- p04 since 2026-03-18 10:00 UTC" in people.body
    later = T0 + hours(3)
    assert people.evaluate(*many(0, 10, at=later), now=later) == [
        "RESOLVED PLATFORM cloudcruise: began 2026-03-18 10:00 UTC, 0 pipelines still down"
    ]
    assert people.memory.sources["cloudcruise"].pipelines == ()


def scattered(at: datetime, *states: str) -> list[Row]:
    bad: dict[str, Any] = {"since": BEFORE, "confirmed": BEFORE + hours(1)}
    return [health(f"p{n:02}", state, at=at, **(bad if state != "ok" else {})) for n, state in enumerate(states)]


def test_many_that_fall_silent_are_one_message_with_those_that_are_down() -> None:
    people = Watching()
    assert people.evaluate(*scattered(T0, "down", "down", *["silent"] * 4, *["ok"] * 5)) == [
        "PLATFORM cloudcruise: 2 pipelines down and 4 silent since 2026-03-18 10:00 UTC"
    ]
    assert people.body.splitlines()[:5] == [
        "Down:",
        "- p00 since 2026-03-18 10:00 UTC",
        "- p01 since 2026-03-18 10:00 UTC",
        "Silent:",
        "- p02 since 2026-03-18 10:00 UTC",
    ]
    now = T0 + hours(2)
    assert people.evaluate(*scattered(now, "ok", "ok", "silent", *["ok"] * 8), now=now) == [
        "RESOLVED PLATFORM cloudcruise: began 2026-03-18 10:00 UTC, 1 pipeline still silent"
    ]
    assert "Still silent, each its own incident from now on:\n- p02 since" in people.body
    now = T0 + hours(3)
    assert [title.partition(" (")[0] for title in people.evaluate(*scattered(now, *["ok"] * 11), now=now)] == [
        "RESOLVED p02"
    ]


def test_a_scheduler_that_died_is_one_message_and_one_when_it_is_back() -> None:
    people, told = Watching(), []
    for day in range(9):
        now = T0 + days(day)
        rows = scattered(now, *["silent"] * 20)
        told += people.evaluate(*[{**row, "last_run_at": BEFORE} for row in rows], now=now)
    title = "PLATFORM cloudcruise: 20 pipelines silent since 2026-03-18 11:00 UTC"
    assert told == [title, *[f"STILL {title}"] * 8]
    now = T0 + days(9)
    assert len(people.evaluate(*scattered(now, *["ok"] * 20), now=now)) == 1


@pytest.mark.parametrize(
    ("down", "of", "is_one"), [(5, 10, True), (4, 4, False), (5, 11, False), (6, 11, True), (20, 40, True)]
)
def test_it_takes_five_and_half_of_the_active_ones(down: int, of: int, is_one: bool) -> None:
    people = Watching()
    assert len(people.evaluate(*many(down, of))) == (1 if is_one else down)


def test_pipelines_without_a_run_for_a_week_are_not_active() -> None:
    people = Watching()
    idle = [health(f"idle{n}", last_run_at=T0 - days(7)) for n in range(20)]
    assert len(people.evaluate(*many(5, 10), *idle)) == 1


def test_what_opened_on_another_day_does_not_add_up() -> None:
    people = Watching()
    before = T0 - hours(24)
    assert len(people.evaluate(*many(1, 10, at=before, since=before), now=before)) == 1
    rows = many(5, 10)
    opened_before = {**rows[0], "confirmed_at": before}
    assert len(people.evaluate(opened_before, *rows[1:])) == 5  # four open, and of one there is a reminder


def test_what_would_all_open_now_is_one_incident_however_old() -> None:
    people = Watching()
    people.evaluate(*many(0, 10))
    now = T0 + days(3)
    rows = [{**row, "confirmed_at": T0 + hours(n)} for n, row in enumerate(many(5, 10, at=now))]
    assert len(people.evaluate(*rows, now=now)) == 1
    assert "late: confirmed at 2026-03-18 16:00 UTC" in people.body
    assert (
        len(people.evaluate(*[{**row, "source_read_until": now + hours(1)} for row in rows], now=now + hours(1))) == 0
    )


def test_history_does_not_add_up() -> None:
    people = Watching()
    rows = [{**row, "last_failure_at": T0 - hours(25)} for row in many(8, 10)]
    assert people.evaluate(*rows) == []
    assert people.evaluate(*[{**row, "source_read_until": T0 + hours(1)} for row in rows], now=T0 + hours(1)) == []


def test_it_lasts_as_long_as_many_of_them_are_down_and_is_reminded_of_daily() -> None:
    people, told = Watching(), []
    for hour in range(0, 60, 4):
        now = T0 + hours(hour)
        rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(6, 10)]
        told += people.evaluate(*rows, now=now)
    still = "STILL PLATFORM cloudcruise: 6 pipelines down since 2026-03-18 10:00 UTC"
    assert told == [still.removeprefix("STILL "), still, still]


def test_it_does_not_flap_at_its_edge() -> None:
    people = Watching()
    told = [people.evaluate(*many(down, 10)) for down in (5, 4, 5, 3, 6)]
    assert [len(titles) for titles in told] == [1, 0, 0, 0, 0]
    assert people.evaluate(*many(2, 10))[0].startswith("RESOLVED PLATFORM")


def test_while_it_lasts_single_ones_rest_and_those_still_down_go_on_afterwards() -> None:
    people = Watching()
    assert len(people.evaluate(*many(1, 10))) == 1  # p00 opens on its own, before
    assert len(people.evaluate(*many(6, 10))) == 1
    silent = health("quiet", "silent")
    assert people.evaluate(*many(6, 10)[1:], health("p00"), silent, health("late", "down")) == []
    now = T0 + hours(1)
    rest = [health("p01", "down", at=now, since=T0 - hours(2)), {**silent, "source_read_until": now}]
    healthy = [health(f"p{n:02}", at=now) for n in range(2, 10)]
    assert people.evaluate(health("p00", at=now), *rest, *healthy, now=now) == [
        "RESOLVED PLATFORM cloudcruise: began 2026-03-18 10:00 UTC, 1 pipeline still down and 1 silent",
    ]
    assert people.notifications[0].body.splitlines() == [
        "Still down, each its own incident from now on:",
        "- p01 since 2026-03-18 10:00 UTC",
        "Still silent, each its own incident from now on:",
        "- quiet since 2026-03-18 10:00 UTC",
        "Also resolved:",
        "- p00",
        "As of 2026-03-18 13:00 UTC.",
    ]
    now = T0 + hours(25)
    rows = [{**row, "source_read_until": now} for row in (*rest, *healthy)]
    assert [title.partition(" (")[0] for title in people.evaluate(*rows, now=now)] == [
        "STILL DOWN p01",
        "STILL SILENT quiet",
    ]
    over = [health(row["pipeline_id"], at=now) for row in rows]
    assert [title.partition(" (")[0] for title in people.evaluate(*over, now=now)] == ["RESOLVED p01", "RESOLVED quiet"]


def test_what_goes_down_more_than_a_day_after_it_opened_is_an_incident_of_its_own() -> None:
    people = Watching()
    people.evaluate(*many(8, 12))
    now = T0 + days(5)
    late: dict[str, Any] = {"since": now - hours(2), "confirmed": now - hours(1)}
    within: dict[str, Any] = {"since": T0, "confirmed": T0 + hours(23.9)}
    rest = [{**row, "source_read_until": now, "last_run_at": now} for row in (*many(3, 9), health("p11"))]
    assert [
        title.partition(" since")[0] for title in people.evaluate(*rest, health("p09", "down", **within), now=now)
    ] == ["STILL PLATFORM cloudcruise: 4 pipelines down"]
    bad = [health("p09", "down", at=now, **late), health("p10", "silent", at=now, **late)]
    assert [title.partition(" (")[0] for title in people.evaluate(*rest, *bad, now=now)] == ["DOWN p09", "SILENT p10"]
    over = [health("p09", at=now), health("p10", at=now)]
    assert [title.partition(" (")[0] for title in people.evaluate(*rest, *over, now=now)] == [
        "RESOLVED p09",
        "RESOLVED p10",
    ]


def test_many_more_that_go_down_later_are_one_message_again() -> None:
    people = Watching()
    people.evaluate(*many(12, 24))
    now = T0 + days(2)
    late = [health(f"late{n}", "silent", at=now, since=now - hours(3), confirmed=now - hours(1)) for n in range(20)]
    rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(12, 12)]
    assert len(people.evaluate(*rows, now=now - hours(5))) == 1
    assert people.evaluate(*rows, *late, now=now) == [
        "PLATFORM cloudcruise: now 12 pipelines down and 20 silent since 2026-03-18 10:00 UTC"
    ]


def test_a_source_that_is_unread_while_it_lasts_is_frozen() -> None:
    people = Watching()
    people.evaluate(*many(5, 10))
    now = T0 + hours(30)
    assert [title.partition(" since")[0] for title in people.evaluate(*many(5, 10), now=now)] == [
        "CANNOT READ cloudcruise"
    ]
    told = people.evaluate(*many(0, 10, at=now), now=now)
    assert [title.partition(" cloudcruise")[0] for title in told] == ["RESOLVED", "RESOLVED PLATFORM"]


def test_it_reaches_everybody_whom_the_single_notifications_would_have(tmp_path: Path) -> None:
    route = '[[routes]]\npipeline = "{}"\ntag = "{}"\n'
    (tmp_path / "w.toml").write_text(route.format("p0[0-3]", "a") + route.format("p04", "b") + route.format("p05", "c"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    people.evaluate(*many(5, 10))
    assert people.notifications[0].tags == ("a", "b")
    people.evaluate(*many(0, 10))
    (ended,) = people.notifications
    assert ended.tags == ()  # no route is about the source as a whole


def test_whoever_was_notified_of_an_update_is_notified_of_its_end(tmp_path: Path) -> None:
    route = '[[routes]]\npipeline = "{}"\ntag = "{}"\n'
    (tmp_path / "w.toml").write_text(route.format("*", "all") + route.format("late*", "late"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    people.evaluate(*many(12, 24))
    assert people.notifications[0].tags == ("all",)
    now = T0 + days(2)
    late = [health(f"late{n}", "down", at=now, since=now - hours(3), confirmed=now - hours(1)) for n in range(20)]
    rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(12, 12)]
    people.evaluate(*rows, *late, now=now)
    (updated,) = people.notifications
    assert (updated.event, updated.tags) == (Event.UPDATED, ("all", "late"))
    now += hours(1)
    people.evaluate(*many(0, 24, at=now), *[health(f"late{n}", at=now) for n in range(20)], now=now)
    (resolved,) = people.notifications
    assert (resolved.event, resolved.tags) == (Event.RESOLVED, ("all", "late"))


def test_a_pipeline_without_a_route_makes_it_everybodys(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text('[[routes]]\npipeline = "p00"\ntag = "a"\n')
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    people.evaluate(*many(5, 10))
    assert people.notifications[0].tags == ()


def test_muted_pipelines_do_not_make_it(tmp_path: Path) -> None:
    mute = '[[mutes]]\npipeline = "{}"\nuntil = 2026-03-19\nreason = "known"\n'
    (tmp_path / "w.toml").write_text(mute.format("p00"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    assert len(people.evaluate(*many(5, 10))) == 4
    (tmp_path / "w.toml").write_text(mute.format("*"))
    muted = Watching(load_watch_file(tmp_path / "w.toml"))
    assert muted.evaluate(*many(8, 10)) == []
    now = T0 + days(2)
    rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(8, 10)]
    assert len(muted.evaluate(*rows, now=now)) == 1
