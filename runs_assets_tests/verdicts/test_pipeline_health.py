"""Health, by the product and by the plain recomputation, against cases worked out by hand."""

from datetime import date, datetime, timedelta
from math import comb

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, MINUTE, CaseRun, at, daily, run
from runs_assets_tests.verdicts.plain_runs import History, Run
from runs_assets_tests.verdicts.worked import TODAY, health_of, history_of, judged, part_of


def test_a_source_that_is_read_for_a_few_days_cannot_tell_what_is_new() -> None:
    assert health_of(cases.NOTHING_DECIDED, first_day=date(2026, 3, 12))["state"] == "too few runs"
    assert health_of(cases.NOTHING_DECIDED, first_day=date(2026, 3, 11))["state"] == "new"


def test_a_pipeline_is_new_for_a_week() -> None:
    health = health_of(cases.BRAND_NEW)
    assert part_of(health, expected := {"state": "new", "since": at(3, 16), "decided_28d": 15}) == expected
    assert health_of(daily("older", date(2026, 3, 11), TODAY, "sssss"))["state"] == "ok"
    assert health_of([run("younger", at(3, 11, 12, 1)), run("younger", at(3, 17))])["state"] == "new"


def test_a_pipeline_that_changes_its_mind_is_flaky() -> None:
    """40 runs follow one another 39 times: in a series of 20 + 20, 21 runs of equal ones are expected, and 40 seen."""
    health = health_of(daily("p", date(2026, 3, 1), date(2026, 3, 10), "sfsf"))
    assert (health["state"], health["since"], health["flip_rate"]) == ("flaky", at(3, 1, 8, 16), 1.0)


def test_what_changes_no_more_often_than_chance_is_not_flaky() -> None:
    # Ten failures of 40, two changes a day: 21 runs of equal outcomes where 16 are expected, 2.32 the standard
    # deviation: z = 2.15. On 14 days, 29 of 22, and 2.76: z = 2.53. On 15 days, 31 of 23.5, and 2.86: z = 2.62.
    for days, flips, runs, state in ((10, 20, 40, "ok"), (14, 28, 56, "ok"), (15, 30, 60, "flaky")):
        health = health_of(daily("p", TODAY - (days - 1) * DAY, TODAY, "sfss"))
        assert (health["state"], health["flip_rate"]) == (state, pytest.approx(flips / (runs - 1)))


def test_a_pipeline_is_slower_when_its_runs_take_half_as_long_again() -> None:
    before = [run("p", at(3, 1) + n * DAY / 3, lasting=timedelta(minutes=10)) for n in range(20)]
    for minutes, runs, ratio, is_slower in ((15, 20, 1.5, True), (14, 20, 1.4, False), (15, 19, None, False)):
        after = [run("p", at(3, 12) + n * DAY / 4, lasting=timedelta(minutes=minutes)) for n in range(runs)]
        health = health_of([*before, *after])
        assert (health["duration_p50_7d_seconds"], health["duration_p50_28d_seconds"]) == (minutes * 60, 600)
        assert (health["slower_ratio"], health["is_slower"]) == (ratio, is_slower)


def test_the_newest_version_is_compared_with_the_one_before() -> None:
    history = history_of(
        [
            *daily("p", date(2026, 3, 1), date(2026, 3, 1), "s" * 20),
            *daily("p", date(2026, 3, 2), date(2026, 3, 2), "fssss" * 4),
        ]
    )
    versioned = [with_version(run, "9" if run.created_at < at(3, 2) else "10") for run in history.runs]
    [health] = judged(History("source", versioned, history.days))["pipeline_health"]
    assert (health["version"], health["previous_version"], health["version_difference"]) == ("10", "9", 0.2)
    assert health["version_p_value"] == pytest.approx(2 * comb(20, 4) / comb(40, 4))
    [health] = judged(History("source", versioned[1:], history.days))["pipeline_health"]
    assert (health["version"], health["previous_version"], health["version_p_value"]) == ("10", None, None)


def test_failures_that_did_not_alert_were_no_trouble() -> None:
    runs = [*daily("p", date(2026, 3, 1), date(2026, 3, 1), "fffs"), *daily("p", date(2026, 3, 2), TODAY, "ss")]
    health = health_of(runs, first_day=date(2026, 2, 26))
    assert (health["state"], health["since"], health["recoveries"]) == ("ok", None, 1)


def test_runs_that_differ_much_anyway_are_not_slower() -> None:
    def lasting(first: datetime, tens: int) -> list[CaseRun]:
        return [run("p", first + n * DAY / 4, lasting=(10 if n < tens else 20) * MINUTE) for n in range(20)]

    health = health_of([*lasting(at(3, 1), 11), *lasting(at(3, 12), 9)])
    assert (health["slower_ratio"], health["is_slower"]) == (2.0, False)


def test_of_few_runs_nothing_is_flaky() -> None:
    assert health_of(daily("p", date(2026, 3, 1), date(2026, 3, 9), "fs"))["state"] == "too few runs"


def test_of_two_silences_the_one_that_was_overdue_first_counts() -> None:
    """The last run but one succeeded on 03-12 at 08:01, the last was cancelled on 03-13 at 08:00."""
    health = health_of([*daily("p", date(2026, 2, 1), date(2026, 3, 12)), run("p", at(3, 13), "cancelled")])
    # The next run was overdue on 03-14 at 09:30, and the next success at 08:01.
    assert (health["state"], health["since"], health["expected_by"]) == ("silent", at(3, 12, 8, 1), at(3, 14, 8, 1))


def with_version(run: Run, version: str) -> Run:
    return Run(**(vars(run) | {"version": version}))
