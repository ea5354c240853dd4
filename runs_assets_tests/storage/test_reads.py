"""When a day is settled."""

from datetime import UTC, date, datetime, timedelta

import pytest

from runs_assets.storage.reads import Read

DAY = date(2026, 3, 17)
END = datetime(2026, 3, 18, tzinfo=UTC)
GRACE = 24 * 3600


@pytest.mark.parametrize(
    ("complete_as_of", "open_runs", "is_settled"),
    [
        (END + timedelta(hours=24), 0, True),
        (END + timedelta(hours=24), 1, False),
        (END + timedelta(hours=24) - timedelta(microseconds=1), 0, False),
        (None, 0, False),
    ],
)
def test_a_day_is_settled_by_a_complete_read_after_its_grace_with_no_run_open(
    complete_as_of: datetime | None, open_runs: int, is_settled: bool
) -> None:
    read = Read("r", END + timedelta(days=9), complete_as_of)
    assert read.is_settled(DAY, open_runs=open_runs, grace_seconds=GRACE) is is_settled


def test_a_read_survives_json() -> None:
    for as_of in (None, END):
        read = Read("r", END, as_of)
        assert Read.from_json(read.to_json()) == read
