"""Every documented word, and every odd value, becomes the row that a person would expect."""

from typing import Any

import orjson
import pyarrow as pa
import pytest

from runs_assets.normalizing.columns import RawRows, raw_rows
from runs_assets.normalizing.row_shape import RowShape
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.sources.cloudcruise.normalize import normalize as cloudcruise
from runs_assets.sources.cloudcruise.row import SHAPE as CC_SHAPE
from runs_assets.sources.productsup.normalize import normalize as productsup
from runs_assets.sources.productsup.row import SHAPE as PS_SHAPE

SEEN = "2026-03-18T12:00:00.250000Z"


def stored(rows: list[dict[str, Any]], shape: RowShape) -> RawRows:
    lines = [orjson.dumps({"observed_at": SEEN, "run": row}) + b"\n" for row in rows]
    return raw_rows(b"".join(lines), shape)


def cc(**fields: Any) -> dict[str, Any]:
    row = {"session_id": "s", "created_at": "2026-03-17T10:00:00Z", **fields}
    table = cloudcruise(stored([row], CC_SHAPE))
    assert table.schema.equals(RUNS_SCHEMA)
    [normalized] = table.to_pylist()
    return dict(normalized)


def ps(**fields: Any) -> dict[str, Any]:
    row = {
        "id": "s",
        "created-at": "2026-03-17T10:00:00+00:00",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    table = productsup(stored([row], PS_SHAPE))
    assert table.schema.equals(RUNS_SCHEMA)
    [normalized] = table.to_pylist()
    return dict(normalized)


@pytest.mark.parametrize(
    ("word", "status", "is_terminal"),
    [
        ("execution.queued", "queued", False),
        ("execution.requeued", "queued", False),
        ("execution.start", "running", False),
        ("execution.paused", "paused", False),
        ("execution.pause", "paused", False),
        ("execution.success", "succeeded", True),
        ("execution.failed", "failed", True),
        ("execution.stopped", "cancelled", True),
        ("execution.new", "unknown", False),
        ("", "unknown", False),
    ],
)
def test_each_cloudcruise_word_has_its_status(word: str, status: str, is_terminal: bool) -> None:
    row = cc(status=word)
    assert (row["status"], row["raw_status"], row["is_terminal"]) == (status, word, is_terminal)


def test_an_unknown_word_with_a_finish_time_has_ended() -> None:
    assert cc(status="execution.new", execution_end="2026-03-17T11:00:00Z")["is_terminal"] is True


def test_a_missing_or_null_status_is_unknown() -> None:
    assert (cc()["status"], cc()["raw_status"]) == ("unknown", "")
    assert (cc(status=None)["status"], cc(status=None)["raw_status"]) == ("unknown", "")


@pytest.mark.parametrize(
    ("fields", "status", "is_terminal"),
    [
        ({"state": "finished", "exit_code": 0}, "succeeded", True),
        ({"state": "finished"}, "succeeded", True),
        ({"state": "finished", "exit_code": 10}, "failed", True),
        ({"state": "failed", "exit_code": 1}, "failed", True),
        ({"state": "failed", "exit_code": 0}, "failed", True),
        ({"state": "failed"}, "failed", True),
        ({"state": "whatever", "exit_code": "192"}, "failed", True),
        ({"state": "whatever", "started_at": "2026-03-17T11:00:00+01:00"}, "running", False),
        ({"state": "whatever", "finished_at": "2026-03-17T11:00:00+01:00"}, "unknown", True),
        ({"state": "whatever", "exit_code": 0, "finished_at": "2026-03-17T11:00:00+01:00"}, "unknown", True),
        ({"state": "whatever"}, "queued", False),
        ({}, "queued", False),
    ],
)
def test_productsup_state_and_exit_code_decide_together(fields: dict[str, Any], status: str, is_terminal: bool) -> None:
    row = ps(**fields)
    assert (row["status"], row["is_terminal"], row["raw_status"]) == (status, is_terminal, fields.get("state", ""))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("2026-03-17T10:00:00Z", "2026-03-17 10:00:00+00:00"),
        ("2026-03-17T10:00:00.123Z", "2026-03-17 10:00:00.123000+00:00"),
        ("2026-03-17T10:00:00.123456+00:00", "2026-03-17 10:00:00.123456+00:00"),
        ("2026-03-17T10:00:00.123456789Z", "2026-03-17 10:00:00.123456+00:00"),
        ("2026-03-17T23:30:00-14:00", "2026-03-18 13:30:00+00:00"),
        ("2026-03-17T10:00:00+05:45", "2026-03-17 04:15:00+00:00"),
        ("2026-03-17T10:00:00", "2026-03-17 10:00:00+00:00"),  # the platform's times are UTC
        ("2026-03-17 10:00:00.5", "2026-03-17 10:00:00.500000+00:00"),
        ("yesterday", "None"),
        ("", "None"),
        (1773741600, "None"),
        (None, "None"),
    ],
)
def test_times_of_every_form_are_read_or_null(printed: Any, expected: str) -> None:
    assert str(cc(execution_start=printed)["started_at"]) == expected
    # beside a well-formed one, which takes the fast way when alone
    rows = [
        {"session_id": n, "created_at": "2026-03-17T10:00:00Z", "execution_start": at}
        for n, at in zip("ab", [printed, "2026-03-17T10:00:00Z"], strict=True)
    ]
    assert [str(row["started_at"]) for row in cloudcruise(stored(rows, CC_SHAPE)).to_pylist()] == [
        expected,
        "2026-03-17 10:00:00+00:00",
    ]


def test_a_time_without_an_offset_is_null_where_it_may_be_of_any_zone() -> None:
    assert ps(started_at="2026-03-17T10:00:00")["started_at"] is None  # whose ten o'clock?


@pytest.mark.parametrize(
    ("times", "are_utc", "expected"),
    [
        (["2026-03-17T10:00:00Z", None], True, (0, 0)),
        (["2026-03-17T10:00:00+01:00", "2026-03-17T10:00:00", "soon", 5, None], True, (1, 2)),
        (["2026-03-17T10:00:00+01:00", "2026-03-17T10:00:00", "soon", 5, None], False, (0, 3)),
        (["0001-01-01T00:00:00Z"], True, (0, 1)),
        ([None], False, (0, 0)),
        ([], True, (0, 0)),
    ],
)
def test_times_that_are_not_as_they_should_be_are_counted(
    times: list[Any], are_utc: bool, expected: tuple[int, int]
) -> None:
    assert odd_times([{"at": time} for time in times], are_utc) == expected
    if all(isinstance(time, str | None) for time in times):
        assert odd_times(pa.StructArray.from_arrays([pa.array(times, pa.string())], ["at"]), are_utc) == expected


def odd_times(runs: list[dict[str, Any]] | pa.StructArray, are_utc: bool) -> tuple[int, int]:
    rows = RawRows([SEEN] * len(runs), runs, are_utc)
    assert len(rows.times("at")) == len(runs)
    return rows.assumed_utc, rows.unreadable_times


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1),
        (1, 1),
        (1.0, 1),
        (1.5, None),
        ("x", None),
        (True, 1),
        (2**40, None),
        (None, None),
        (float("inf"), None),
    ],
)
def test_exit_codes_are_numbers_or_their_spelling(value: Any, expected: int | None) -> None:
    assert ps(state="finished", exit_code=value)["exit_code"] == expected


def test_an_exit_code_beyond_any_float_is_none() -> None:
    line = b'{"observed_at":"%b","run":{"id":"s","created-at":"2026-03-17T10:00:00Z","exit-code":%b}}\n'
    rows = raw_rows(line % (SEEN.encode(), b"9" * 310), PS_SHAPE)
    assert productsup(rows)["exit_code"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), ("False", False), ("maybe", None), (1, None), (None, None)]
)
def test_dry_run_is_a_truth_or_its_word(value: Any, expected: bool | None) -> None:
    assert cc(dry_run=value)["dry_run"] is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1001, "1001"), ("1001", "1001"), (1.5, "1.5"), (True, "true"), (None, None)]
)
def test_ids_are_strings_whatever_they_come_as(value: Any, expected: str | None) -> None:
    assert ps(site_id=value)["site_id"] == expected


def test_mixed_types_in_one_column_are_each_read() -> None:
    rows = [
        {"id": str(n), "created-at": "2026-03-17T10:00:00Z", "site-id": site} for n, site in enumerate([1, "two", None])
    ]
    assert productsup(stored(rows, PS_SHAPE))["site_id"].to_pylist() == ["1", "two", None]


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_stands_for_never_is_none(never: str) -> None:
    run = ps(state="finished", started_at="2026-03-17T10:00:01Z", finished_at=never)
    assert (run["finished_at"], run["duration_seconds"], run["queue_seconds"]) == (None, None, 1.0)
    assert cc(status="execution.success", execution_end=never)["finished_at"] is None
