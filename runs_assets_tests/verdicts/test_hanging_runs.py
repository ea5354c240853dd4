"""Runs that hang or are abandoned, and stuck pipelines, by both computations, against cases worked out by hand."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from runs_assets.days import from_us
from runs_assets.verdicts.hanging_runs import open_too_long, stuck_since, success_durations
from runs_assets.verdicts.tables import Knowledge
from runs_assets_tests.verdicts import plain_hanging
from runs_assets_tests.verdicts.by_the_product import by_the_product
from runs_assets_tests.verdicts.by_the_product import history_of as product_history
from runs_assets_tests.verdicts.cases import DAY, MINUTE, READ_UNTIL, CaseRun, at, daily, run
from runs_assets_tests.verdicts.plain_runs import History, Run
from runs_assets_tests.verdicts.worked import TODAY, history_of, part_of, tables_of

HOUR = timedelta(hours=1)
TWENTY = [run("p", at(3, 16) + n * DAY / 20, lasting=n * 10 * MINUTE) for n in range(1, 21)]
"""10 to 200 minutes: p50 is 105, p95 is 190.5, so the tail is at 105 * (190.5 / 105)^2.4 = 438.5 minutes."""


def open_for(span: timedelta) -> CaseRun:
    return run("p", READ_UNTIL - span, "running")


def stuck(history: History) -> dict[str | None, datetime]:
    """By both computations."""
    found = product_history(history)
    product = stuck_since(found, open_too_long(found, success_durations(found)))
    expected = plain_hanging.stuck_since(history)
    assert {found.pipelines[number]: from_us(since_us) for number, since_us in product.items()} == expected
    return expected


def test_a_run_hangs_when_it_is_open_for_longer_than_the_tail_of_the_successes() -> None:
    assert tables_of([*TWENTY, open_for(438 * MINUTE)])["hanging_runs"] == []
    tables = tables_of([*TWENTY, open_for(439 * MINUTE)])
    [hanging] = tables["hanging_runs"]
    # (190.5 / 105)^2.4 = (127 / 70)^2 * ((127 / 70)^2)^(1 / 5) = 3.29163 * 1.26909
    assert hanging["limit_seconds"] == pytest.approx(105 * 60 * 3.29163 * 1.26909, rel=1e-4)
    expected = {"p50_seconds": 105 * 60.0, "p95_seconds": 190.5 * 60, "longest_seconds": 200 * 60.0, "successes": 20}
    assert part_of(hanging, expected) == expected
    [health] = tables["pipeline_health"]
    assert (health["state"], health["since"], health["hanging_runs"]) == ("hanging", READ_UNTIL - 439 * MINUTE, 1)


def test_a_run_may_be_open_for_as_long_as_the_longest_success() -> None:
    """99 of 100 took a minute, and one of them twelve hours."""
    usual = [run("p", at(3, 8) + n * HOUR, lasting=12 * HOUR if n == 5 else MINUTE) for n in range(100)]
    assert tables_of([*usual, open_for(12 * HOUR)])["hanging_runs"] == []
    [hanging] = tables_of([*usual, open_for(12 * HOUR + MINUTE)])["hanging_runs"]
    assert (hanging["limit_seconds"], hanging["p95_seconds"]) == (12 * 3600.0, 60.0)


def test_no_run_hangs_before_half_an_hour_and_none_of_which_little_is_known_before_a_day() -> None:
    usual = [*daily("p", date(2026, 3, 1), date(2026, 3, 5), "ss")]
    [hanging] = tables_of([*usual, open_for(29 * MINUTE), open_for(31 * MINUTE)])["hanging_runs"]
    assert (hanging["limit_seconds"], hanging["open_seconds"]) == (1800, 31 * 60)
    [hanging] = tables_of([*usual[1:], open_for(24 * HOUR), open_for(24 * HOUR + MINUTE)])["hanging_runs"]
    assert (hanging["limit_seconds"], hanging["successes"]) == (24 * 3600.0, 9)


def test_nobody_waits_for_a_run_after_which_a_newer_one_has_succeeded() -> None:
    usual, late = [*daily("p", date(2026, 3, 1), date(2026, 3, 17), "ss")], open_for(3 * HOUR)
    for newer, hangs in (("failed", 1), ("cancelled", 1), ("running", 1), ("succeeded", 0)):
        runs = [*usual, late, run("p", READ_UNTIL - HOUR / 4, newer)]  # type: ignore[arg-type]
        assert len(tables_of(runs)["hanging_runs"]) == hangs
    older = run("p", READ_UNTIL - 4 * HOUR, lasting=2 * HOUR)
    assert len(tables_of([*usual, older, late])["hanging_runs"]) == 1


def test_a_run_is_abandoned_a_day_after_its_limit() -> None:
    usual = [*daily("p", date(2026, 3, 1), TODAY - 2 * DAY, "ss")]
    for span, hanging, abandoned in ((24.5 * HOUR, 1, 0), (24.5 * HOUR + MINUTE, 0, 1)):
        tables = tables_of([*usual, open_for(span)])
        [health] = tables["pipeline_health"]
        assert (health["hanging_runs"], health["abandoned_runs"]) == (hanging, abandoned)
        assert len(tables["hanging_runs"]) == hanging
        assert (health["state"] == "hanging") is bool(hanging)
    knowledge = Knowledge(abandoned_after_hours=1)
    assert by_the_product(history_of([*usual, open_for(91 * MINUTE)]), knowledge)["hanging_runs"] == []


def test_three_runs_in_a_row_that_do_not_end_are_a_stuck_pipeline() -> None:
    usual = [*daily("p", date(2026, 3, 1), date(2026, 3, 17), "ss")]
    three = [open_for(n * HOUR) for n in (3, 2, 1)]
    assert stuck(history_of([*usual, *three])) == {"p": READ_UNTIL - 3 * HOUR}
    # The newest may still end in its usual time; without it, two have had that time and have not ended.
    assert stuck(history_of([*usual, *three, open_for(29 * MINUTE)])) == {"p": READ_UNTIL - 3 * HOUR}
    assert stuck(history_of([*usual, *three[:2], open_for(29 * MINUTE)])) == {}
    failed = run("p", READ_UNTIL - 30 * MINUTE, "failed")
    assert stuck(history_of([*usual, *three, failed])) == {}
    one_before = run("p", READ_UNTIL - 2.5 * HOUR, "failed")
    assert stuck(history_of([*usual, *three, one_before])) == {}
    assert stuck(history_of([*usual, *three, open_for(HOUR / 1.5), one_before])) == {"p": READ_UNTIL - 2 * HOUR}


def queued(history: History) -> History:
    """The same history with its open runs not yet started."""
    runs = [one if one.is_terminal else replace(one, started_at=None) for one in history.runs]
    return replace(history, runs=runs)


def test_three_runs_that_wait_longer_than_any_before_are_a_stuck_pipeline() -> None:
    """The runs of 28 days started an hour after they were created at most; runs may take 6 hours."""
    usual = [run("p", at(3, 1) + n * DAY / 2, lasting=6 * HOUR) for n in range(30)]

    def waited(one: Run) -> Run:
        assert one.finished_at is not None
        return replace(one, started_at=one.created_at + HOUR, finished_at=one.finished_at + HOUR)

    past = [waited(one) for one in history_of(usual).runs]
    waiting = queued(history_of([*usual, *(open_for(minutes * MINUTE) for minutes in (63, 62, 61, 60))]))
    history = replace(waiting, runs=[*past, *waiting.runs[len(past) :]])
    assert stuck(history) == {"p": READ_UNTIL - 63 * MINUTE}
    assert stuck(replace(history, runs=[one for one in history.runs if one.run_id != "p 30"])) == {}
    started = [replace(one, started_at=one.created_at) if one.run_id == "p 33" else one for one in history.runs]
    assert stuck(replace(history, runs=started)) == {}  # the last one has started
    few = [replace(one, started_at=None) if number >= 9 else one for number, one in enumerate(history.runs)]
    assert stuck(replace(history, runs=few)) == {}  # of nine runs it is known how long they waited


def test_what_has_been_stuck_for_four_weeks_is_so_no_more() -> None:
    runs = [open_for(28 * DAY + hours * HOUR) for hours in (3, 2)]
    assert stuck(history_of([*runs, open_for(28 * DAY - HOUR)])) == {"p": READ_UNTIL - 28 * DAY - 3 * HOUR}
    assert stuck(history_of([*runs, open_for(28 * DAY)])) == {}
