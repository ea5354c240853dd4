"""When failures are told, and as what, by the product and by the plain recomputation, against cases worked out by hand."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, CaseRun, at, daily, run
from runs_assets_tests.verdicts.worked import TODAY, Row, health_of, part_of, tables_of

HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)
YESTERDAY = TODAY - DAY


def every(step: timedelta, first: datetime, outcomes: str) -> list[CaseRun]:
    """A run of a minute per letter s or f."""
    return [run("p", first + n * step, "failed" if it == "f" else "succeeded") for n, it in enumerate(outcomes)]


def judged(runs: Iterable[CaseRun], **how: date) -> tuple[str, Row | None]:
    """The state of `p`, and its last row of `outages`, if there is one."""
    tables = tables_of(runs, **how)
    [health] = [row for row in tables["pipeline_health"] if row["pipeline_id"] == "p"]
    return health["state"], next((row for row in reversed(tables["outages"]) if row["pipeline_id"] == "p"), None)


def others(count: int, day: int) -> list[CaseRun]:
    """Pipelines with one success on a day of March each."""
    return [run(f"other {n}", at(3, day, 7)) for n in range(count)]


def test_a_daily_pipeline_has_failed_once_when_its_next_success_is_overdue() -> None:
    """The last success ended on 03-17 at 08:36: 1.1 days and an hour later, it was last read."""
    runs = every(DAY, at(2, 1, 8, 35), "s" * 45 + "f")
    assert health_of(runs)["state"] == "ok"
    earlier = every(DAY, at(2, 1, 8, 35) - INSTANT, "s" * 45 + "f")
    health = health_of(earlier)
    expected = {"state": "failed once", "since": at(3, 18, 8, 36) - INSTANT, "failures": 1, "alert_after": 2}
    assert part_of(health, expected) == expected
    assert tables_of(earlier)["outages"] == []


def test_a_success_is_overdue_by_the_longest_time_between_two_but_not_by_one_in_which_something_was_told() -> None:
    failed_in_between = every(DAY, at(2, 1, 8), "s" * 35 + "f" + "s" * 9 + "f")
    assert health_of(failed_in_between)["state"] == "ok"  # two days, of which it has waited one
    failed_before = every(DAY, at(1, 13, 8), "s" * 5 + "f" + "s" * 58 + "f")
    assert health_of(failed_before)["state"] == "failed once"  # 59 days before the last success
    was_failing = every(DAY, at(2, 1, 8), "s" * 34 + "ff" + "s" * 9 + "f")
    assert health_of(was_failing)["state"] == "failed once"
    was_silent = [it for it in every(DAY, at(2, 1, 8), "s" * 45 + "f") if it.created != at(3, 10, 8)]
    assert [row["state"] for row in tables_of(was_silent)["silences"]] == ["ended"]
    assert health_of(was_silent)["state"] == "failed once"


@pytest.mark.parametrize(("successes", "state"), [(2, "new"), (3, "failed once")])
def test_from_two_successes_nobody_can_tell(successes: int, state: str) -> None:
    assert health_of(every(8 * HOUR, at(3, 17, 18) - successes * 8 * HOUR, "s" * successes + "f"))["state"] == state


def test_a_daily_pipeline_is_failing_with_the_second_failure_and_down_with_the_third() -> None:
    state, outage = judged(every(DAY, at(2, 1), "s" * 44 + "ff"))
    assert (state, outage and outage["failures"]) == ("failing", 2)
    expected = {
        "kind": "failing",
        "is_confirmed": True,
        "alert_after": 2,
        "failing_since": at(3, 17, 8, 1),
        "confirmed_at": at(3, 18, 8, 1),
        "ended_at": None,
    }
    assert part_of(outage or {}, expected) == expected
    # (0.5 / 29) ** 3 is below 0.1 / 28.
    state, outage = judged(every(DAY, at(2, 1), "s" * 43 + "fff"))
    assert (state, outage and outage["confirmed_at"]) == ("down", at(3, 17, 8, 1))
    assert outage is not None
    assert (outage["kind"], outage["alert_after"]) == ("down", 2)


def test_a_weekly_pipeline_is_failing_with_the_second_failure() -> None:
    state, outage = judged(every(7 * DAY, at(1, 14), "s" * 8 + "ff"))
    assert (state, outage and outage["confirmed_at"]) == ("failing", at(3, 18, 8, 1))
    assert outage is not None
    assert (outage["baseline_decided"], outage["baseline_failed"]) == (4, 0)
    # After one failure in the four weeks before as well, though that is a quarter; after two no more.
    assert judged(every(7 * DAY, at(1, 14), "s" * 6 + "fsff"))[0] == "failing"
    assert judged(every(7 * DAY, at(1, 14), "s" * 4 + "fsfsff"))[0] == "too few runs"
    # Overdue is its success only 7.7 days and an hour after 03-11 08:01.
    health = health_of(every(7 * DAY, at(1, 14), "s" * 9 + "f"))
    expected = {"state": "too few runs", "not_judged": "fewer than 20 completed runs in the 28 days before"}
    assert part_of(health, expected) == expected


@pytest.mark.parametrize(("failed", "kind"), [(2, "failing"), (3, None)])
def test_what_fails_so_often_that_pairs_come_by_chance_is_not_failing(failed: int, kind: str | None) -> None:
    """Two runs a day make 56: 56 x (2 / 56)² is 0.07, 56 x (3 / 56)² is 0.16. Three in a row are down by chance."""
    days = [date(2026, 2, 19) + 5 * n * DAY for n in range(failed)]
    past = [date(2026, 2, 18) + n * DAY for n in range(28)]
    usual = [it for day in past for it in daily("p", day, day, "fs" if day in days else "ss")]
    _, outage = judged([*usual, *daily("p", TODAY, TODAY, "ff")])
    assert (outage and outage["kind"]) == kind
    _, outage = judged([*usual, *daily("p", TODAY, TODAY, "ffff")])
    assert outage is not None
    assert outage["kind"] == "down"


@pytest.mark.parametrize(("a_day", "state"), [(4, "failing"), (5, "ok")])
def test_what_runs_more_than_four_times_a_day_is_not_failing(a_day: int, state: str) -> None:
    usual = daily("p", date(2026, 2, 17), YESTERDAY, "s" * a_day)
    assert judged([*usual, *daily("p", TODAY, TODAY, "ff")])[0] == state


def test_a_young_pipeline_runs_as_often_as_since_its_first_run() -> None:
    """Three days before 03-18, from midnight to midnight; 12 runs are 4 a day, 15 are 5."""
    assert judged(every(6 * HOUR, at(3, 15, 0), "s" * 12 + "ff"))[0] == "failing"
    assert judged(every(4.8 * HOUR, at(3, 15, 0), "s" * 15 + "ff"))[0] == "new"
    assert judged(every(HOUR, at(3, 18, 0), "sssff"))[0] == "new"  # of its first day, nothing is known


def test_days_of_a_failing_pipeline_are_no_part_of_any_past() -> None:
    _, outage = judged(every(DAY, at(2, 1), "s" * 30 + "ff" + "s" * 12 + "ff"))
    assert outage is not None
    # Of 02-17 to 03-16, 03-03 to 03-05 are left out: the two failures, and the success that ended them.
    assert (outage["kind"], outage["baseline_decided"], outage["baseline_failed"]) == ("failing", 25, 0)


@pytest.mark.parametrize(("first_day", "kind"), [(date(2026, 3, 11), "never succeeded"), (date(2026, 3, 12), None)])
def test_a_pipeline_never_succeeded_if_its_first_run_was_seen(first_day: date, kind: str | None) -> None:
    state, outage = judged(every(HOUR, at(3, 18, 8), "fff"), first_day=first_day)
    assert outage is not None
    expected = {"kind": kind, "alert_after": 3 if kind else 4, "confirmed_at": at(3, 18, 10, 1) if kind else None}
    assert part_of(outage, expected) == expected
    assert state == (kind or "too few runs")


def test_what_never_succeeded_stays_that_until_it_succeeds() -> None:
    state, outage = judged(every(HOUR / 4, at(3, 18, 0), "f" * 48))
    assert (state, outage and outage["alert_after"]) == ("never succeeded", 3)
    state, outage = judged(every(HOUR, at(3, 18, 6), "fffsff"))
    assert (state, outage and outage["kind"]) == ("new", "never succeeded")


@pytest.mark.parametrize(("outcome", "kind"), [("succeeded", "down"), ("failed", "never succeeded")])
def test_a_success_before_the_days_whose_runs_are_read_is_known(outcome: cases.Outcome, kind: str) -> None:
    """With a window of 10 days, those are the days from 02-09 on."""
    runs = [run("p", at(1, 25), outcome), *every(DAY, at(3, 14), "fffff")]
    tables = tables_of(runs, window_days=10)
    assert [row["kind"] for row in tables["outages"]] == [kind]


def test_a_pipeline_that_fails_less_than_every_tenth_time_is_down_after_12_failures() -> None:
    """Five whole bad days of 28 raise what chance explains, and five failures on the first day three times the longest.

    55 of 560 failed: m = 55.5 / 561, the dispersion is at its cap of 0.1, a = 0.890, b = 8.110; with 100 pipelines,
    chance is to be at most 1.8e-6, and of 14 failures on one day it is 2.2e-6.
    """
    down = [*rough(bad_days=5), *daily("p", TODAY, TODAY, "f" * 13)]
    state, outage = judged(down, first_day=date(2026, 2, 17))
    assert outage is not None
    expected = {
        "kind": "down",
        "alert_after": 12,
        "confirmed_at": at(3, 18, 10, 46),
        "baseline_decided": 560,
        "baseline_failed": 55,
    }
    assert (state, part_of(outage, expected)) == ("down", expected)
    # With 65, chance would take longer than three times the longest streak.
    _, outage = judged([*rough(bad_days=6), *daily("p", TODAY, TODAY, "f" * 13)], first_day=date(2026, 2, 17))
    assert outage is not None
    assert (outage["kind"], outage["alert_after"], outage["baseline_failed"]) == (None, 15, 65)


def rough(bad_days: int) -> list[CaseRun]:
    """Five failures on the first of 28 days, and on some days every other run fails; 20 runs a day."""
    first = date(2026, 2, 18)
    days = ["f" * 5 + "s" * 15, *["fs" * 10] * bad_days, *["s" * 20] * (27 - bad_days)]
    mine = [it for n, outcomes in enumerate(days) for it in daily("p", first + n * DAY, first + n * DAY, outcomes)]
    return [*mine, *(run(f"other {n}", at(2, day, 7)) for n in range(99) for day in (17, 26))]


def test_three_times_the_longest_usual_streak_is_down_whatever_chance_says() -> None:
    """75 of 300, alike on all days: a = 12.29, b = 36.71; with 201 pipelines, 12 failures are below 0.1 / 60,300."""
    usual = list(daily("p", date(2026, 2, 21), YESTERDAY, "sfff" + "s" * 8))
    for runs, kind in ((8, None), (9, "down")):
        _, outage = judged([*usual, *others(200, 17), *daily("p", TODAY, TODAY, "f" * runs)])
        assert outage is not None
        assert (outage["baseline_decided"], outage["alert_after"], outage["kind"]) == (300, 9, kind)


def test_three_failures_count_as_the_longest_usual_streak_if_none_was_longer() -> None:
    """25 of 100 failed singly; with 201 pipelines, chance would want 11."""
    usual = list(daily("p", date(2026, 2, 21), YESTERDAY, "fsss"))
    _, outage = judged([*usual, *others(200, 17), *daily("p", TODAY, TODAY, "f" * 9)])
    assert outage is not None
    assert (outage["alert_after"], outage["kind"]) == (9, "down")


def test_a_few_bad_days_do_not_make_failures_usual_for_ever() -> None:
    """Days of failures alternate with days of successes, so that all runs of a day would be one: dispersion 0.99.

    With 0.1, m = 12.5 / 19, a = 5.92, b = 3.08: of 30 failures on one day the chance is 0.00573, of 31 it is 0.00528,
    below 0.1 / 18.
    """
    days = [date(2026, 3, 6) + n * DAY for n in range(12)]
    usual = [it for n, day in enumerate(days) for it in daily("p", day, day, ("ff", "s")[n % 2])]
    _, outage = judged([*usual, *daily("p", TODAY, TODAY, "fff")])
    assert outage is not None
    assert (outage["baseline_decided"], outage["alert_after"], outage["kind"]) == (18, 31, None)


def test_an_outage_is_no_usual_streak() -> None:
    """One of 13 failures on 03-05, beside days on which one of four fails; with 201 pipelines, chance would want 11."""
    outage_day = date(2026, 3, 5)
    before = daily("p", date(2026, 2, 21), outage_day - DAY, "fsss")
    after = daily("p", outage_day + DAY, YESTERDAY, "fsss")
    runs = [*before, *daily("p", outage_day, outage_day, "f" * 13 + "s"), *after, *others(200, 17)]
    _, outage = judged([*runs, *daily("p", TODAY, TODAY, "f" * 9)])
    assert outage is not None
    assert (outage["baseline_decided"], outage["alert_after"], outage["kind"]) == (96, 9, "down")
