"""What is told of a pipeline while something is wrong with it: not twice, not too little, and its end when it is one."""

from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.observation import Row
from runs_assets.watch_entries import Severity
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours, span

NAME = "p1 (cloudcruise)"


def follow(people: Watching, *steps: tuple[float, str, dict[str, Any]]) -> list[tuple[float, str]]:
    """The titles at these hours, of a pipeline with these states; without what they say of its name and times."""
    told = []
    for hour, state, other in steps:
        now = T0 + hours(hour)
        titles = people.evaluate(health(state=state, at=now, **other), now=now)
        told += [(hour, title.replace(f" {NAME}", "").partition(" since ")[0]) for title in titles]
    return told


def ruled(folder: Path, rule: str) -> Watching:
    (folder / "watch.toml").write_text(f"[[rules]]\n{rule}\n")
    return Watching(load_watch_file(folder / "watch.toml"))


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("down", Severity.CRITICAL),
        ("never succeeded", Severity.CRITICAL),
        ("stuck", Severity.WARNING),
        ("silent", Severity.WARNING),
        ("failing", Severity.WARNING),
    ],
)
def test_each_of_these_states_is_an_incident_that_ends(state: str, severity: Severity) -> None:
    people = Watching()
    assert follow(people, (0, state, {})) == [(0, state.upper())]
    assert people.notifications[0].severity is severity
    ((_, title),) = follow(people, (1, "ok", {}))
    assert title.startswith("RESOLVED: was silent" if state == "silent" else f"RESOLVED: {state} from ")


def test_what_comes_back_within_a_day_is_told_as_flapping_once_and_over_after_a_day_without_it() -> None:
    people = Watching()
    steps: list[tuple[float, str, dict[str, Any]]] = [(0.0, "down", {}), (1.0, "ok", {})]
    steps += [(2.0 + hour, ("down", "ok")[hour % 2], {"failed_24h": 42, "decided_24h": 48}) for hour in range(40)]
    steps += [(hour, "ok", {}) for hour in (42.0, 64.9, 65.0, 66.0, 70.0)]
    told = follow(people, *steps)
    # The last time that it was found wrong is 40, and that it was found well from then on is 41.
    assert told == [
        (0, "DOWN"),
        (1, "RESOLVED: down from 2026-03-18 10:00 UTC to 2026-03-18 12:54 UTC"),
        (2, "FLAPPING: 42 of 48 failed in 24 h"),
        (26, "STILL FLAPPING"),
        (65, "RESOLVED: flapping from 2026-03-18 10:00 UTC to 2026-03-20 05:00 UTC"),
    ]


@pytest.mark.parametrize(
    ("runs", "titles"),
    [
        (
            28,
            [
                (0, "FAILING"),
                (1, "RESOLVED: failing from 2026-03-18 10:00 UTC to 2026-03-19 11:54 UTC"),
                (6, "FLAPPING: 5 of 27 failed in 28 days"),
                (8, "STILL FLAPPING"),
                (16, "RESOLVED: flapping from 2026-03-18 10:00 UTC to 2026-03-27 12:00 UTC"),
                (20, "FAILING"),
            ],
        ),
        (
            29,
            [
                (0, "FAILING"),
                (1, "RESOLVED: failing from 2026-03-18 10:00 UTC to 2026-03-19 11:54 UTC"),
                (6, "FAILING"),
                (7, "RESOLVED: failing from 2026-03-24 10:00 UTC to 2026-03-25 11:54 UTC"),
                (8, "FAILING"),
                (9, "RESOLVED: failing from 2026-03-26 10:00 UTC to 2026-03-27 11:54 UTC"),
                (20, "FAILING"),
            ],
        ),
    ],
)
def test_what_runs_rarely_is_the_same_incident_for_a_week(runs: int, titles: list[tuple[float, str]]) -> None:
    """Failing again six and eight days after it opened, and never after; it is over when it has been well for a week."""
    known = {"runs_7d": runs, "failed_28d": 5, "decided_28d": 27}
    wrong = {0, 6, 8, 20}
    steps = [(24.0 * day, "failing" if day in wrong else "ok", known) for day in range(21)]
    assert [(hour / 24, title) for hour, title in follow(Watching(), *steps)] == titles


def test_another_outage_a_day_after_the_opening_is_another_incident() -> None:
    told = follow(Watching(), (0, "down", {}), (1, "ok", {}), (24, "down", {}))
    assert [title for _, title in told][::2] == ["DOWN", "DOWN"]


@pytest.mark.parametrize(
    ("usual", "rate", "needed"),
    [
        # 0.15^1 = 0.15, 0.15^2 = 0.02; 0.5^4 = 0.06, 0.5^5 = 0.03; 0.8^13 = 0.055, so ten at most.
        (0.099, 0.5, 1),
        (None, 0.5, 1),
        (0.1, 1.0, 1),
        (0.1, 0.95, 1),
        (0.1, 0.85, 2),
        (0.1, 0.5, 5),
        (0.1, 0.2, 10),
    ],
)
def test_it_is_over_after_as_many_successes_as_would_seldom_come_by_chance(
    usual: float | None, rate: float, needed: int
) -> None:
    people, wrong = Watching(), {"normal_rate": usual, "failure_rate_24h": rate}
    # The rate that counts is the worst one while it was down, not that of its end.
    follow(people, (0, "down", wrong), (0.5, "down", {**wrong, "failure_rate_24h": 0.01}))
    lower = {"normal_rate": usual, "failure_rate_24h": 0.01}
    ended = [
        successes
        for successes in range(1, 11)
        if follow(people, (successes, "ok", {**lower, "successes": successes, "failures": 0}))
    ]
    assert ended == [needed]


def test_while_there_are_too_few_successes_a_reminder_says_how_many() -> None:
    people, noisy = Watching(), {"normal_rate": 0.3, "failure_rate_24h": 0.5, "successes": 2}
    told = follow(people, (0, "down", noisy), (1, "ok", noisy), (2, "down", noisy), (3, "ok", noisy), (24, "ok", noisy))
    assert told == [(0, "DOWN"), (24, "STILL DOWN")]
    assert people.body.splitlines()[-1] == "Now: ok; 2 of the 5 successes that end it"


def test_a_silence_is_over_with_the_next_run_however_noisy_the_pipeline_is() -> None:
    noisy = {"normal_rate": 0.3, "failure_rate_24h": 0.5, "successes": 0}
    assert len(follow(Watching(), (0, "silent", noisy), (1, "ok", noisy))) == 2


def test_it_is_told_at_once_that_a_state_is_more_severe_and_not_that_it_is_less() -> None:
    people = Watching()
    told = follow(
        people,
        (0, "failing", {}),
        (1, "worse", {}),
        (2, "down", {}),
        (3, "failing", {}),
        (4, "down", {}),
        (5, "ok", {}),
    )
    assert [title for _, title in told] == [
        "FAILING",
        "DOWN",
        "RESOLVED: down from 2026-03-18 14:00 UTC to 2026-03-18 16:54 UTC",
    ]


def test_ten_times_the_failures_are_one_update_and_no_more_for_a_day() -> None:
    since = {"since": T0 - hours(2), "failing_since": T0 - hours(2)}
    people = Watching()
    told = follow(
        people, *((hour, "down", {**since, "failures": n}) for hour, n in ((0, 3), (5, 29), (6, 30), (7, 299)))
    )
    told += follow(people, *((hour, "down", {**since, "failures": 300}) for hour in (8, 29.9, 30, 31)))
    assert told == [(0, "DOWN"), (6, "DOWN"), (30, "DOWN")]
    assert people.notifications == []


def test_twice_the_rate_is_one_update() -> None:
    people, told, bodies = Watching(), [], ""
    for hour, failed in ((0, 10), (1, 19), (2, 20), (3, 39)):
        now = T0 + hours(hour)
        spans = [span("now", failed, 100), span("3 days", 5, 100)]
        titles = people.evaluate(health(state="worse", at=now, since=T0), now=now, spans=spans)
        told += [(hour, title) for title in titles]
        bodies += people.body if titles else ""
    worse = f"WORSE {NAME} since 2026-03-18 12:00 UTC"
    assert told == [(0, worse), (2, f"{worse}, now 20.0 % failed")]
    assert "In 24 h: 20 of 100 failed, 20.0 % (10.0 % to 40.0 %)" in bodies


def test_a_new_reason_is_one_update_and_one_that_was_told_is_no_news() -> None:
    people = Watching()
    reasons = [(0, "E1"), (1, "E1"), (2, "E2"), (3, "E3"), (26, "E1"), (27, "E3")]
    since = {"since": T0 - hours(2)}
    told = [
        (hour, people.notifications[0].title.rpartition(", ")[2])
        for hour, reason in reasons
        if follow(people, (hour, "down", {**since, "reason": reason}))
    ]
    assert [(hour, title) for hour, title in told if "reason" in title] == [(2, "new reason E2"), (27, "new reason E3")]


def test_what_is_worse_is_one_incident_until_nothing_has_been_for_five_days() -> None:
    """Worse at first, again after four days and 23 hours, and never after; the end is when it was first well."""
    people = Watching()
    steps = [(0, "worse"), (24, "ok"), (48, "ok"), (24 + 119, "worse"), (168, "ok"), (287, "ok"), (288, "ok")]
    known = {"since": T0 - hours(2)}
    told = follow(people, *((hour, state, known) for hour, state in steps))
    assert told == [
        (0, "WORSE"),
        (143, "STILL WORSE"),
        (288, "RESOLVED: worse from 2026-03-18 10:00 UTC to 2026-03-25 12:00 UTC"),
    ]


def test_a_reason_that_becomes_known_later_is_no_new_one() -> None:
    assert len(follow(Watching(), (0, "down", {}), (1, "down", {"reason": "E1"}))) == 1


def test_after_a_platform_incident_only_what_fails_anew_is_told() -> None:
    """The source failed from 10:00 on and was well from 13:00 on, which is told at 15:00.

    Until a day after, more failures than usual within 24 hours may be those of the platform.
    """
    people = Watching()
    source = {"source": "cloudcruise", "state": "failing", "since": T0 - hours(2), "affected": 9, "active": 10}
    source |= {"common_dimension": None, "common_value": None}
    people.evaluate(health(), sources=[{**source, "usual": 0.5, "pipeline_ids": ["p1"]}])
    spans = [span("now", 5, 20, "worse"), span("7 days", 9, 50, "worse"), span("7 days", 9, 50, "slowly")]
    rows: dict[str, Row] = {}
    for hour in (1, 3):
        now = T0 + hours(hour)
        known: dict[str, Any] = {"last_failure_at": T0 + hours(0.5), "since": T0}
        rows = {
            "part": health("part", "failing", at=now, **known),
            "first": health("first", "failing", at=now, **known | {"last_failure_at": T0 - hours(2.9)}),
            "slowly": health("slowly", "worse", at=now, since=T0, last_failure_at=T0 + hours(2.5)),
            "worse": health("worse", "worse", at=now, since=T0, last_failure_at=T0 + hours(2.5)),
            "again": health("again", "failing", at=now, since=T0, last_failure_at=T0 + hours(2.5)),
        }
        people.evaluate(*rows.values(), now=now, spans=spans)
    assert [one.title.partition(" ")[0] for one in people.notifications] == ["RESOLVED", "FAILING"]
    told = []
    for later in (24.9, 25, 168.9, 169):
        now = T0 + hours(later)
        read = [{**row, "source_read_until": now} for row in rows.values() if row["state"] == "worse"]
        titles = people.evaluate(*read, now=now, spans=spans)
        told += [(later, title.partition(" (")[0]) for title in titles if title.startswith("WORSE")]
    assert told == [(25, "WORSE worse"), (169, "WORSE slowly")]


def test_a_rule_says_after_how_many_failures_in_a_row(tmp_path: Path) -> None:
    people = ruled(tmp_path, "after = 2")
    first = {"failures": 1, "failing_since": T0 - hours(1), "last_failure_at": T0 - hours(1)}
    assert follow(people, (0, "failed once", first)) == []
    second: dict[str, Any] = {**first, "failures": 2, "last_failure_at": T0}
    (title,) = people.evaluate(health(state="ok", **second))
    assert title == f"FAILING {NAME} since 2026-03-18 11:00 UTC"
    later = ruled(tmp_path, "after = 5")
    assert follow(later, *((n, "down", {"failures": n}) for n in (3, 4, 5))) == [(5, "DOWN")]
    assert follow(ruled(tmp_path, "after = 5"), (0, "silent", {})) == [(0, "SILENT")]


def test_a_rule_says_how_severe_it_is_and_to_whom_it_goes(tmp_path: Path) -> None:
    people = ruled(tmp_path, 'pipeline = "p1"\nseverity = "critical"\n[[routes]]\nseverity = "critical"\ntag = "phone"')
    people.evaluate(health(state="silent"), health("p2", "silent"))
    assert [(one.severity, one.tags) for one in people.notifications] == [("critical", ("phone",)), ("warning", ())]


def test_a_rule_that_says_never_silences_a_pipeline(tmp_path: Path) -> None:
    people = ruled(tmp_path, 'pipeline = "p1"\ntell = "never"')
    once = {"failing_since": T0, "last_failure_at": T0}
    assert follow(people, (0, "down", {}), (1, "failed once", once), (2, "ok", {})) == []
    assert people.evaluate(health("p2", "down", at=T0 + days(1)), now=T0 + days(1)) != []
