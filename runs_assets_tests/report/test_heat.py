"""Which shade a day has, and how the strip is drawn."""

import re
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import lxml.etree
import numpy as np
import pytest

from runs_assets.insight.day_counts import DayCounts
from runs_assets.report.heat import axis, day_width, shade_of, strip
from runs_assets.statistics.intervals import wilson_interval

MONDAY = date(2026, 3, 2)
UNREAD = DayCounts(date=MONDAY, is_read=False, is_whole=False, is_final=False)
IDLE = DayCounts(date=MONDAY, is_read=True, is_whole=True, is_final=True)


def day(failed: int, completed: int, usual: float | None) -> DayCounts:
    low, high = wilson_interval(np.array([failed]), np.array([completed]))
    return replace(
        IDLE,
        completed=completed,
        failed=failed,
        failure_rate=failed / completed,
        failure_rate_low=float(low[0]),
        failure_rate_high=float(high[0]),
        usual_rate=usual,
    )


@pytest.mark.parametrize(
    ("counts", "shade"),
    [
        (UNREAD, "hu"),
        (IDLE, None),
        (day(0, 100, 0.05), "h1"),
        (day(8, 100, 0.05), "h1"),  # 8 % of 100 may be chance: the interval begins at 4.1 %
        (day(15, 100, 0.05), "h2"),
        (day(20, 100, 0.05), "h3"),
        (day(60, 100, 0.05), "h4"),
        (day(0, 100, None), "h0"),
        (day(100, 100, None), "h4"),
        (day(100, 100, 1.0), "h4"),  # what has failed for a month is not well because that is usual by now
        (day(1, 1, 0.05), "h4"),  # of one run, but its interval begins at 21 %
        (day(1, 1, 0.25), "h1"),
    ],
)
def test_a_day_has_the_shade_of_how_far_it_is_above_usual(counts: DayCounts, shade: str | None) -> None:
    found = shade_of(counts)
    assert (found.name if found else None) == shade


def test_days_of_one_shade_are_drawn_as_one_and_idle_ones_not_at_all() -> None:
    days = [UNREAD, UNREAD, day(0, 9, 0.1), day(60, 100, 0.05), IDLE, day(0, 9, 0.1)]
    drawing = lxml.etree.fromstring(str(strip(days)))
    paths = {path.get("class"): path.get("d") for path in drawing}
    assert paths == {
        "hu": "M0 0h48v16h-48z",
        "h1": "M48 0h48v16h-48zM120 0h24v16h-24z",  # below the one above usual, too
        "h4": "M72 0h24v16h-24z",
    }


def test_a_year_fits_the_page_and_its_axis_has_room_for_each_label() -> None:
    assert day_width(365) * 365 < 800
    days = [MONDAY + timedelta(days=n) for n in range(365)]
    drawing = lxml.etree.fromstring(str(axis(days)))
    places = [int(text.get("x")) for text in drawing.findall("{*}text") or drawing.findall("text")]
    assert len(places) > 10
    assert min(after - before for before, after in pairwise(places)) >= 40
    assert re.fullmatch(r"\d\d-\d\d", drawing.findall("text")[0].text)
