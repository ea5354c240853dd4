from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import overload

import pytest

from runs_assets.sandbox import FixedHistory, Row
from runs_assets_tests.sandbox.asking import Asker, run, runs_a_minute_apart, session


def test_runs_inserted_while_the_server_runs_push_the_others_along(ask: Asker) -> None:
    history = ask.sandbox.productsup.history = FixedHistory.of(runs_a_minute_apart(3))
    assert ask.run_ids({"limit": 2}) == ["0", "1"]
    history.insert(Row(datetime(2026, 3, 18, 12, tzinfo=UTC), run("late", "2026-03-18T12:00:00+00:00")))
    assert ask.run_ids({"from": 2, "limit": 2}) == ["1", "2"]
    assert ask.run_ids({"limit": 1}) == ["late"]


def test_runs_deleted_while_the_server_runs_are_gone(ask: Asker) -> None:
    history = ask.sandbox.productsup.history = FixedHistory.of(runs_a_minute_apart(3))
    history.delete(lambda row: row.body["id"] == "0")
    assert ask.run_ids() == ["1", "2"]


def test_what_was_seen_once_does_not_change_under_the_reader() -> None:
    history = FixedHistory.of(runs_a_minute_apart(3))
    seen = history.visible(datetime(2026, 3, 18, tzinfo=UTC))
    history.delete(lambda _: True)
    assert len(seen) == 3
    assert len(history.visible(datetime(2026, 3, 18, tzinfo=UTC))) == 0


def test_an_inserted_row_comes_ahead_of_those_of_its_time(ask: Asker) -> None:
    when = "2026-03-18T10:00:00Z"
    history = ask.sandbox.cloudcruise.history = FixedHistory.of([session("first", when)])
    history.insert(Row(datetime(2026, 3, 18, 10, tzinfo=UTC), session("second", when)))
    assert ask.sessions() == ["second", "first"]


def test_a_raw_row_without_a_printed_creation_time_needs_a_row_of_its_own() -> None:
    with pytest.raises(TypeError, match="explicit Row"):
        FixedHistory.of([{"session_id": "a", "created_at": None}])


def test_a_page_of_a_hundred_thousand_rows_is_found_without_reading_them_all(ask: Asker) -> None:
    rows = CountedRows(100_000)
    ask.sandbox.cloudcruise.history = ask.sandbox.productsup.history = rows
    cursor = rows[50_000].created_at.isoformat()
    rows.reads = 0
    assert ask.sessions(start_time="2026-03-01T00:00:00Z", cursor=cursor, limit=2) == ["50001", "50002"]
    assert rows.reads < 50
    rows.reads = 0
    assert ask.run_ids({"from": 70_000, "limit": 2}) == ["70000", "70001"]
    assert rows.reads < 50


class CountedRows(Sequence[Row]):
    """A history of rows one second apart that counts how often one is read."""

    def __init__(self, count: int) -> None:
        newest = datetime(2026, 3, 18, 11, 59, 59, tzinfo=UTC)
        times = [newest - timedelta(seconds=place) for place in range(count)]
        self.rows = [Row(when, {"session_id": str(n), "id": str(n)}) for n, when in enumerate(times)]
        self.reads = 0

    def visible(self, now: datetime) -> Sequence[Row]:  # noqa: ARG002
        return self

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        found = self.rows[index]
        self.reads += 1 if isinstance(found, Row) else len(found)
        return found
