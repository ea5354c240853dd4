"""Which days can be asked for, to the second."""

from datetime import UTC, date, datetime, timedelta

import pytest

from runs_assets.days import DayRange
from runs_assets.errors import OutOfReachError
from runs_assets.settling.reach import Reach

NOW = datetime(2026, 3, 18, 12, 0, 0, 500_000, tzinfo=UTC)
FIRST = date(2026, 1, 1)


def reach(now: datetime = NOW, retention: timedelta | None = timedelta(days=31)) -> Reach:
    return Reach(now, FIRST, retention)


def test_a_day_wholly_in_reach_is_read_from_its_start() -> None:
    assert reach().start_for(DayRange(date(2026, 2, 16), date(2026, 3, 18))) == datetime(2026, 2, 16, tzinfo=UTC)


def test_the_first_day_may_be_read_in_part_15_minutes_from_the_edge() -> None:
    assert reach().start_for(DayRange(date(2026, 2, 15), date(2026, 2, 16))) == datetime(
        2026, 2, 15, 12, 15, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(("minute", "is_whole"), [(45, True), (46, False)])
def test_a_day_begins_to_leave_reach_15_minutes_before_the_api_forgets_it(minute: int, is_whole: bool) -> None:
    # 31 days after 2026-02-15T00:00 is 2026-03-18T00:00; the margin begins at 23:45 the day before
    now = datetime(2026, 3, 17, 23, minute, tzinfo=UTC) - timedelta(seconds=1)
    start = reach(now).start_for(DayRange(date(2026, 2, 15), date(2026, 2, 15)))
    assert (start == datetime(2026, 2, 15, tzinfo=UTC)) is is_whole


@pytest.mark.parametrize(
    ("days", "remedy"),
    [
        (DayRange(date(2026, 2, 1), date(2026, 2, 20)), "Ask for 2026-02-15..2026-02-20 instead."),
        (DayRange(date(2026, 2, 1), date(2026, 2, 3)), "None of these days can be read."),
        (DayRange(date(2026, 3, 18), date(2026, 3, 19)), "Ask for 2026-03-18 instead."),
        (DayRange(date(2026, 3, 19), date(2026, 3, 19)), "None of these days can be read."),
        (DayRange(date(2025, 12, 31), date(2025, 12, 31)), "None of these days can be read."),
    ],
)
def test_days_out_of_reach_are_refused_with_the_longest_part_that_can_be_read(days: DayRange, remedy: str) -> None:
    with pytest.raises(OutOfReachError, match="Nothing was changed") as caught:
        reach().start_for(days)
    assert str(caught.value).endswith(remedy)


def test_without_a_retention_only_the_first_day_and_today_limit() -> None:
    assert reach(retention=None).start_for(DayRange(FIRST, NOW.date())) == datetime(2026, 1, 1, tzinfo=UTC)
