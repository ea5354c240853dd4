"""Days that take turns."""

from datetime import date, timedelta

from runs_assets.days import in_turn

FIVE = [date(2026, 3, 18) - timedelta(days=n) for n in range(5)]


def test_parts_of_days_take_turns_and_tell_the_rounds_before() -> None:
    assert [in_turn(FIVE, 2, turn) for turn in range(4)] == [
        (FIVE[:2], 0),
        (FIVE[2:4], 0),
        (FIVE[4:], 0),
        (FIVE[:2], 1),
    ]


def test_no_days_have_one_empty_part() -> None:
    assert in_turn([], 2, 7) == ([], 7)
