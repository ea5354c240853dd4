"""Days become weeks where there are many of them."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from runs_assets.days import DayRange
from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet
from runs_assets.report.page import report_page
from runs_assets.report.periods import weeks
from runs_assets_tests.report.reading import details, parsed, rows, table_below, text_of
from runs_assets_tests.report.stored import SCRIPT

MONDAY = date(2026, 3, 2)


def day(offset: int, failed: int = 0, completed: int = 0, **others: object) -> DayCounts:
    counts = DayCounts(date=MONDAY + timedelta(days=offset), is_read=True, is_whole=True, is_final=True)
    return replace(counts, runs=completed, completed=completed, failed=failed, **others)  # type: ignore[arg-type]


def test_a_week_has_the_sums_of_its_days_and_an_interval_of_its_own() -> None:
    [week] = weeks([day(0, 1, 4, usual_rate=0.1), day(1, 2, 6, usual_rate=0.2, is_worse=True), day(6)])
    assert (week.date, week.runs, week.completed, week.failed) == (MONDAY, 10, 10, 3)
    assert week.failure_rate == 0.3
    # Wilson, worked out by hand: (3 + 1.92) / 13.84 -+ 1.96 / 13.84 * sqrt(10 * 0.3 * 0.7 + 0.9604)
    assert (week.failure_rate_low, week.failure_rate_high) == pytest.approx((0.1078, 0.6032), abs=1e-4)
    assert (week.usual_rate, week.is_worse) == (0.2, True)


def test_the_durations_of_a_week_are_the_middle_ones_of_its_days() -> None:
    seconds = (10.0, 30.0, None, 90.0)
    [week] = weeks([day(n, 0, 1, duration_p50_seconds=it, duration_p95_seconds=it) for n, it in enumerate(seconds)])
    assert (week.duration_p50_seconds, week.duration_p95_seconds) == (30.0, 30.0)


def test_weeks_begin_on_monday_also_where_the_days_do_not() -> None:
    found = weeks([day(5, 1, 1), day(6), day(7, 0, 2)])
    assert [(week.date, week.completed) for week in found] == [(MONDAY, 1), (MONDAY + timedelta(days=7), 2)]


def test_a_week_is_read_if_one_day_is_and_final_if_all_are() -> None:
    unread = DayCounts(date=MONDAY, is_read=False, is_whole=False, is_final=False)
    [week] = weeks([unread, day(1, 0, 1)])
    assert (week.is_read, week.is_whole, week.is_final) == (True, False, False)
    [blank] = weeks([unread])
    assert (blank.is_read, blank.failure_rate, blank.failure_rate_low) == (False, None, None)


def test_a_long_window_goes_by_week_and_the_page_says_so(fleet: Fleet) -> None:
    days = DayRange(MONDAY - timedelta(days=120), MONDAY)
    every = [day((one - MONDAY).days, 1, 2) for one in reversed(days.newest_first())]
    sources = [replace(one, days=every) for one in fleet.sources]
    pipelines = [replace(fleet.pipelines[0], days=every)]
    page = parsed(report_page(replace(fleet, days=days, sources=sources, pipelines=pipelines), with_charts=False))
    table = rows(table_below(details(page, SCRIPT), "By week"))
    assert table[0][:3] == [str(MONDAY), "2", "1"]
    assert table[1][:3] == [str(MONDAY - timedelta(days=7)), "14", "7"]
    assert "charts and tables go by week" in text_of(page)
    [label] = page.get_element_by_id("fleet").xpath("./tbody/tr//svg/@aria-label")
    assert label.startswith("above usual on 0 of 121 days")  # 1 of 2 may be chance
