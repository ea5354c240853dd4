"""The days of a run, from its tags."""

from datetime import date

import pytest

from runs_assets.days import DayRange
from runs_assets.instance.run_tags import days_of_tags, range_tags

MARCH = DayRange(date(2026, 3, 1), date(2026, 3, 31))


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        (range_tags(MARCH), MARCH),
        ({"dagster/partition": "2026-03-05"}, DayRange(date(2026, 3, 5), date(2026, 3, 5))),
        ({}, None),
        ({"dagster/partition": "2026-03"}, None),
        ({"dagster/partition": "2026-03-05T10:00"}, None),
        (
            {"dagster/asset_partition_range_start": "2026-03-05", "dagster/asset_partition_range_end": "2026-03-04"},
            None,
        ),
    ],
)
def test_a_run_is_about_its_partition_or_its_range(tags: dict[str, str], days: DayRange | None) -> None:
    assert days_of_tags(tags) == days
