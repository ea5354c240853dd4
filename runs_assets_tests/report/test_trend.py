"""The chart of a pipeline: where its lines go."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import lxml.etree

from runs_assets.insight.day_counts import DayCounts
from runs_assets.report.trend import frame, trend

MONDAY = date(2026, 3, 2)


def day(offset: int, rate: float | None, runs: int = 10) -> DayCounts:
    known = DayCounts(date=MONDAY + timedelta(days=offset), is_read=True, is_whole=True, is_final=True, runs=runs)
    if rate is None:
        return known
    return replace(
        known,
        failure_rate=rate,
        failure_rate_low=max(0.0, rate - 0.1),
        failure_rate_high=min(1.0, rate + 0.1),
        usual_rate=0.2,
        duration_p50_seconds=30.0,
        duration_p95_seconds=60.0,
    )


def paths(days: list[DayCounts]) -> dict[str, str]:
    drawing = lxml.etree.fromstring(str(trend(days)))
    return {path.get("class"): path.get("d") for path in drawing.findall("path")}


def test_the_rate_is_a_step_for_each_day_and_breaks_where_it_is_not_known() -> None:
    drawn = paths([day(0, 0.2), day(1, 0.5), day(2, None), day(3, 0.5)])
    # Four days of 140 on 560; a rate of 20 % is 80 below the top of 100.
    assert drawn["rate"] == "M0 80V80H140V50H280M420 50V50H560"
    assert drawn["usual"] == "M0 80V80H280M420 80V80H560"
    assert drawn["band"] == "M0 70V70H140V40H280V60H140V90H0zM420 40V40H560V60H420z"


def test_runs_and_durations_fill_their_own_heights() -> None:
    drawn = paths([day(0, 0.2, runs=5), day(1, 0.2, runs=10)])
    assert drawn["volume"] == "M0 138V138H280V120H560V156H0z"  # 36 high, from 156 up
    assert drawn["lengths"] == "M0 176V176H560V194H0z"  # 60 s at the top, 30 s in the middle of 176 to 212
    assert drawn["median"] == "M0 194V194H560"


def test_a_chart_of_nothing_says_so() -> None:
    drawing = lxml.etree.fromstring(str(trend([day(0, None, runs=0)])))
    assert drawing.get("aria-label") == "no completed runs"
    assert drawing.findall("path") == []


def test_its_words_are_the_newest_and_the_highest_rate() -> None:
    drawing = lxml.etree.fromstring(str(trend([day(0, 0.5), day(1, 0.2), day(2, None)])))
    words = "failure rate 20 % at last (2026-03-03), highest 50 % (2026-03-02); the table below has all figures"
    assert drawing.get("aria-label") == words


def test_the_frame_names_days_without_overlap() -> None:
    drawing = lxml.etree.fromstring(str(frame([day(n, 0.1) for n in range(90)])))
    days = [text for text in drawing.findall("text") if "end" not in text.get("class")]
    places = [int(text.get("x")) for text in days]
    assert days[0].text == "03-02"
    assert min(after - before for before, after in pairwise(places)) >= 40
