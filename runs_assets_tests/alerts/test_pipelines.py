"""Single incidents: told once when a pipeline goes down or silent, reminded of, and told once when it ends."""

from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.lifecycle import Event
from runs_assets.watch_entries import Severity
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours, outage, silence

DOWN = "DOWN p1 (cloudcruise) since 2026-03-18 10:00 UTC"


def watching(text: str, folder: Path) -> Watching:
    (folder / "watch.toml").write_text(text)
    return Watching(load_watch_file(folder / "watch.toml"))


@pytest.mark.parametrize("state", ["ok", "flaky", "hanging", "new", "too few runs"])
def test_no_other_state_is_told(state: str) -> None:
    assert Watching().evaluate(health(state=state, since=T0 - days(3))) == []


def test_an_outage_is_told_once_and_its_end_once_with_its_true_length() -> None:
    people = Watching()
    assert people.evaluate(health()) == []
    assert people.evaluate(health(state="down")) == [DOWN]
    assert people.evaluate(health(state="down", at=T0 + hours(1)), now=T0 + hours(1)) == []
    ended = outage("p1", T0 - hours(2), T0 + hours(1.5))
    other = outage("p1", T0 - days(3), T0 - days(2.9))
    assert people.evaluate(health(at=T0 + hours(2)), now=T0 + hours(2), outages=[other, ended]) == [
        "RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 13:30 UTC"
    ]
    assert people.body == "Pipeline: p1 of cloudcruise\nNow: ok\nIt lasted 3 h 30 min."
    assert people.evaluate(health(at=T0 + hours(3)), now=T0 + hours(3), outages=[other, ended]) == []


def test_the_text_has_what_somebody_on_duty_asks(tmp_path: Path) -> None:
    people = watching(
        '[[owners]]\nowner = "Feeds"\n[links]\ncloudcruise = "https://app.example.com/{pipeline_id}/{run_id}"\n',
        tmp_path,
    )
    row = health(
        state="down",
        pipeline_name="invoice\x1b[2J-download",
        sites_affected=3,
        reason="LOGIN_FAILED",
        reason_category="credentials",
        reason_side="customer",
        first_failed_run_id="r 1",
        latest_failed_run_id="r4",
    )
    assert people.evaluate(row) == ["DOWN invoice [2J-download (cloudcruise) since 2026-03-18 10:00 UTC"]
    assert people.body.splitlines() == [
        "Pipeline: p1 of cloudcruise",
        "Owner: Feeds",
        "Failures in a row: 4, sites affected: 3",
        "Usual: 2.1 % failed, fewer than 3 in a row in the 28 days before",
        "Last 24 h: 5 of 20 failed, 25.0 % (11.2 % to 46.9 %)",
        "Last success: 2026-03-18 09:00 UTC",
        "Reason: LOGIN_FAILED (credentials), attribution: customer",
        "First failed run: r 1 https://app.example.com/p1/r%201",
        "Latest failed run: r4 https://app.example.com/p1/r4",
        "As of 2026-03-18 12:00 UTC.",
        "To do: ask the owner of the account or site to mend it, then run it again.",
    ]


def test_what_is_unknown_is_said_to_be() -> None:
    people = Watching()
    row = health(None, "silent", last_success_at=None, normal_rate=None, decided_24h=0, failed_24h=0)
    assert people.evaluate(row) == ["SILENT (no pipeline) (cloudcruise) since 2026-03-18 10:00 UTC"]
    assert people.body.splitlines() == [
        "Pipeline: (none) of cloudcruise",
        "Last run: 2026-03-18 11:54 UTC, next run expected by 2026-03-18 11:30 UTC",
        "Last 24 h: no completed runs",
        "Last success: none known",
        "As of 2026-03-18 12:00 UTC.",
        "To do: check its schedule and what triggers it; if it has been retired, mute it in the watch file.",
    ]
    assert people.notifications[0].severity is Severity.WARNING


def test_a_name_or_reason_of_any_length_makes_a_short_line() -> None:
    people = Watching()
    (title,) = people.evaluate(health(state="down", pipeline_name="n" * 5000, reason="r" * 5000))
    assert len(title) < 200
    assert max(len(line) for line in people.body.splitlines()) < 200


def test_reminders_come_after_one_and_three_days_and_then_weekly() -> None:
    people, told = Watching(), []
    for hour in range(0, 24 * 15, 3):
        now = T0 + hours(hour)
        row = health(state="down", at=now, since=T0 - hours(2), confirmed=T0 - hours(0.5))
        told += [(hour, title) for title in people.evaluate(row, now=now)]
    still = f"STILL {DOWN}"
    assert told == [(0, DOWN), (24, still), (72, still), (168, still), (336, still)]


def test_a_change_of_what_is_wrong_is_one_message() -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    now = T0 + hours(5)
    silent = health(state="silent", at=now, since=T0 - hours(1))
    assert people.evaluate(silent, now=now) == ["SILENT p1 (cloudcruise) since 2026-03-18 11:00 UTC, was down"]
    ended = silence("p1", T0 - hours(1), now + hours(1))
    assert people.evaluate(health(at=now + hours(2)), now=now + hours(2), silences=[ended], outages=[]) == [
        "RESOLVED p1 (cloudcruise): silent from 2026-03-18 11:00 UTC to 2026-03-18 18:00 UTC"
    ]


def test_a_late_success_tells_the_real_end_even_before_it_was_told() -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    late = outage("p1", T0 - hours(2), T0 - hours(1))
    now = T0 + hours(1.5)
    (title,) = people.evaluate(health(at=now), now=now, outages=[late])
    assert title == "RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 11:00 UTC"
    assert "It lasted 1 h 0 min.\nReported 2 h 30 min late: confirmed at 2026-03-18 11:00 UTC." in people.body


def test_an_outage_that_late_runs_have_dissolved_ends_without_a_time() -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    now = T0 + hours(0.5)
    earlier = [outage("p1", T0 - days(3), T0 - days(2.9))]
    (title,) = people.evaluate(health(at=now, last_success_at=T0 - hours(4)), now=now, outages=earlier)
    assert title == "RESOLVED p1 (cloudcruise): was down since 2026-03-18 10:00 UTC"
    assert "When it ended is unknown: runs that arrived late have changed its history." in people.body


def test_without_a_row_of_the_outage_the_last_success_is_its_end() -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    (title,) = people.evaluate(health(last_success_at=T0 - hours(0.2)))
    assert title == "RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 11:48 UTC"


@pytest.mark.parametrize("state", ["down", "silent"])
def test_after_28_days_without_a_run_it_is_no_longer_watched_until_a_new_run(state: str) -> None:
    people = Watching()
    first = health(state=state, last_run_at=T0 - hours(2))
    people.evaluate(first)
    told = []
    for day in (27.9, 28, 29, 40):
        now = T0 + days(day)
        row = {**first, "source_read_until": now}
        told += [(day, title.partition(" p1")[0]) for title in people.evaluate(row, now=now)]
    assert told == [(27.9, f"STILL {state.upper()}"), (28, "NO LONGER WATCHED")]
    now = T0 + days(41)
    row = {**first, "source_read_until": now, "last_run_at": now - hours(1)}
    assert [title.partition(" p1")[0] for title in people.evaluate(row, now=now)] == [state.upper()]
    assert len(people.evaluate(health(at=now + hours(1)), now=now + hours(1))) == 1


def test_what_ends_after_it_is_no_longer_watched_is_not_told_again() -> None:
    people = Watching()
    first = health(state="down", last_run_at=T0)
    people.evaluate(first)
    people.evaluate({**first, "source_read_until": T0 + days(29)}, now=T0 + days(29))
    assert people.evaluate(health(at=T0 + days(30)), now=T0 + days(30)) == []
    assert people.memory.sources["cloudcruise"].pipelines == ()


def test_a_silence_that_was_given_up_and_a_pipeline_that_is_gone_are_no_longer_watched() -> None:
    people = Watching()
    people.evaluate(health(state="silent"), health("p2", "down"))
    given_up = silence("p1", T0 - hours(2), None, "given up")
    now = T0 + hours(1)
    assert people.evaluate(health(at=now), now=now, silences=[given_up]) == [
        "NO LONGER WATCHED p1 (cloudcruise): silent since 2026-03-18 10:00 UTC",
        "NO LONGER WATCHED p2 (cloudcruise): down since 2026-03-18 10:00 UTC",
    ]


def test_what_came_by_a_backfill_is_not_told_nor_its_end() -> None:
    people = Watching()
    since: dict[str, Any] = {"since": T0 - days(3), "confirmed": T0 - hours(23.9)}
    at_first = health("old", "down", **since, last_failure_at=T0 - hours(24.1))
    assert people.evaluate(at_first, health("new", "down", **since, last_failure_at=T0 - hours(23.9))) == [
        "DOWN new (cloudcruise) since 2026-03-15 12:00 UTC"
    ]
    assert "Reported 23 h 54 min late: confirmed at 2026-03-17 12:06 UTC." in people.body
    later = T0 + days(2)
    backfilled = health("old2", "silent", at=later, since=T0 - days(5), confirmed=T0 - hours(24.1))
    gap = health("gap", "down", at=later, since=T0 - hours(1), confirmed=T0 + hours(1))
    told = people.evaluate(
        {**at_first, "source_read_until": later}, backfilled, gap, health("new", at=later), now=later
    )
    assert [title.partition(" (")[0] for title in told] == ["DOWN gap", "RESOLVED new"]
    assert people.evaluate(health("old"), health("old2"), gap, health("new"), now=later) == []


def test_what_still_fails_is_told_once_however_long_ago_it_was_certain() -> None:
    people = Watching()
    since: dict[str, Any] = {"since": T0 - days(6), "confirmed": T0 - days(5.9)}
    still, stopped = health("still", "down", **since), health("stopped", "down", **since, last_failure_at=T0 - days(5))
    assert people.evaluate(still, stopped) == ["DOWN still (cloudcruise) since 2026-03-12 12:00 UTC"]
    assert "Reported 5 d 21 h late: confirmed at 2026-03-12 14:24 UTC." in people.body
    now = T0 + hours(1)
    rows = [{**row, "source_read_until": now} for row in (still, stopped)]
    assert people.evaluate(*rows, now=now) == []
    failed_again = {**rows[1], "last_failure_at": now}
    assert people.evaluate(rows[0], failed_again, now=now) == ["DOWN stopped (cloudcruise) since 2026-03-12 12:00 UTC"]


def test_a_silence_says_what_was_expected_and_not_why_another_run_once_failed() -> None:
    people = Watching()
    assert people.evaluate(
        health(state="silent", last_run_at=T0 - hours(2), reason="LOGIN_FAILED", reason_side="customer")
    )
    assert "Last run: 2026-03-18 10:00 UTC, next run expected by 2026-03-18 11:30 UTC" in people.body
    assert "Reason" not in people.body


@pytest.mark.parametrize(("kind", "missed"), [("no_runs", "run"), ("no_success", "success")])
def test_what_a_silence_lacks_is_what_its_row_says(kind: str, missed: str) -> None:
    """A success may be missing since the very instant of the last run."""
    people, last = Watching(), T0 - hours(2)
    about = {"kind": kind, "expected_by": T0 - hours(0.5), "usual_interval_seconds": 5400}
    lacks = {**silence("p1", last, None, "open"), **about}
    assert people.evaluate(health(state="silent", since=last, last_run_at=last), silences=[lacks])
    assert f"Last run: 2026-03-18 10:00 UTC, next {missed} expected by 2026-03-18 11:30 UTC" in people.body
    assert "Usual: at most 1 h 30 min between two" in people.body


def test_an_outage_after_an_old_one_is_told_though_nobody_saw_it_end() -> None:
    people = Watching()
    over_unseen = T0 - days(2)
    assert people.evaluate(health(state="down", since=T0 - days(3), last_failure_at=over_unseen)) == []
    now = T0 + hours(1)
    assert people.evaluate(health(state="down", at=now, since=T0, confirmed=T0 + hours(0.5)), now=now) == [
        "DOWN p1 (cloudcruise) since 2026-03-18 12:00 UTC"
    ]


def test_a_clock_that_was_ahead_hides_nothing_and_ends_no_reminder() -> None:
    people, ahead = Watching(), T0 + days(365)
    assert len(people.evaluate(health(state="down", at=ahead), health("p2", at=ahead), now=ahead)) == 1
    still = health(state="down", at=T0, since=T0 - hours(2))
    assert people.evaluate(still, health("p2", state="down"), now=T0) == [
        "STILL DOWN p1 (cloudcruise) since 2026-03-18 10:00 UTC",
        "DOWN p2 (cloudcruise) since 2026-03-18 10:00 UTC",
    ]
    now = T0 + days(1)
    still = {**still, "source_read_until": now}
    assert people.evaluate(still, health("p2", at=now), now=now)[0] == (
        "STILL DOWN p1 (cloudcruise) since 2026-03-18 10:00 UTC"
    )


def test_old_news_becomes_news_with_its_next_change() -> None:
    people = Watching()
    assert people.evaluate(health(state="down", last_failure_at=T0 - days(2))) == []
    assert people.evaluate(health(state="silent", confirmed=T0 - days(2))) == []
    now = T0 + hours(1)
    assert len(people.evaluate(health(state="down", at=now), now=now)) == 1
    assert len(people.evaluate(health(at=now), now=now)) == 1


def test_what_is_history_is_measured_from_the_last_look() -> None:
    people = Watching()
    people.evaluate(health())
    for day in (10, 9.9):  # the newest file is lost, and then read again
        people.evaluate(health(at=T0 + days(day)), now=T0 + days(10))
    now = T0 + days(10.5)
    old = health("old", "down", at=now, since=T0, last_failure_at=T0 + days(8.95))
    assert people.evaluate(old, health("new", "down", at=now, since=T0, last_failure_at=T0 + days(9.05)), now=now) == [
        "DOWN new (cloudcruise) since 2026-03-18 12:00 UTC"
    ]


def test_over_before_it_was_seen_is_never_told() -> None:
    people = Watching()
    people.evaluate(health())
    over = outage("p1", T0 + hours(1), T0 + hours(2))
    assert people.evaluate(health(at=T0 + hours(3)), now=T0 + hours(3), outages=[over]) == []


@pytest.mark.parametrize(
    ("every", "minutes", "late"),
    [(0.5, 90, []), (0.5, 91, ["Reported 1 h 31 min"]), (1, 120, []), (1, 121, ["Reported 2 h 1 min"]), (12, 1440, [])],
)
def test_what_is_told_later_than_two_readings_after_it_was_certain_says_so(
    every: float, minutes: int, late: list[str]
) -> None:
    people = Watching()
    people.today_every = hours(every)
    people.evaluate(health(state="down", confirmed=T0 - hours(minutes / 60)))
    lines = [line.partition(" late: confirmed at ") for line in people.body.splitlines()]
    assert [told for told, found, _ in lines if found] == late


MUTED = '[[mutes]]\npipeline = "p1"\nuntil = 2026-03-18T18:00:00Z\nreason = "known"\n'


def test_what_is_down_when_its_mute_ends_is_told_then_and_late(tmp_path: Path) -> None:
    people = watching(MUTED, tmp_path)
    assert people.evaluate(health(state="down"), health("p2")) == []
    now = T0 + hours(6)
    assert people.evaluate(health(state="down", at=now, since=T0 - hours(2), confirmed=T0), health("p2"), now=now) == [
        DOWN
    ]
    assert "Reported 6 h 0 min late: confirmed at 2026-03-18 12:00 UTC." in people.body


def test_what_is_over_when_its_mute_ends_is_not_told(tmp_path: Path) -> None:
    people = watching(MUTED, tmp_path)
    people.evaluate(health(state="down"))
    people.evaluate(health(at=T0 + hours(3)), now=T0 + hours(3))
    assert people.evaluate(health(at=T0 + hours(7)), now=T0 + hours(7)) == []


def test_what_was_told_before_its_mute_is_closed_when_the_mute_ends(tmp_path: Path) -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    people.watch = watching(MUTED, tmp_path).watch
    now = T0 + hours(3)
    ended = [outage("p1", T0 - hours(2), T0 + hours(2))]
    assert people.evaluate(health(at=now), now=now, outages=ended) == []
    now = T0 + hours(6)
    (title,) = people.evaluate(health(at=now), now=now, outages=ended)
    assert title == "RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 14:00 UTC"
    assert "Reported 4 h 0 min late" in people.body


def test_a_change_during_a_mute_is_told_when_it_ends(tmp_path: Path) -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    people.watch = watching(MUTED, tmp_path).watch
    assert people.evaluate(health(state="silent", at=T0 + hours(3)), now=T0 + hours(3)) == []
    now = T0 + hours(6)
    (title,) = people.evaluate(health(state="silent", at=now), now=now)
    assert title.endswith(", was down")


ROUTED = """
[[routes]]
pipeline = "p1"
severity = "critical"
tag = "phone"
[[routes]]
pipeline = "p1"
severity = "warning"
tag = "mail"
"""


def test_whoever_heard_of_a_beginning_hears_of_the_end(tmp_path: Path) -> None:
    people = watching(ROUTED, tmp_path)
    tags = []
    for state in ("down", "silent", "ok"):
        people.evaluate(health(state=state), health("p2", state))
        tags.append([one.tags for one in people.notifications])
    assert tags == [[("phone",), ()], [("mail", "phone"), ()], [("mail", "phone"), ()]]
    assert [one.event for one in people.notifications] == [Event.RESOLVED, Event.RESOLVED]


def test_sources_are_told_apart() -> None:
    people = Watching()
    both = [health(state="down"), health(state="down", source="productsup")]
    assert people.evaluate(*both) == [DOWN, DOWN.replace("cloudcruise", "productsup")]
    now = T0 + hours(1)
    assert len(people.evaluate(health(at=now), {**both[1], "source_read_until": now}, now=now)) == 1
