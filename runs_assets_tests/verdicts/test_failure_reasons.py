"""Why runs failed, by hand: exit codes, errors with and without the names of their runs, and what is new."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs_assets.days import DayRange
from runs_assets.reasons.details_files import PipelineErrors
from runs_assets.reasons.reason import Attribution, ErrorGroup, Explanations, Reason
from runs_assets.tables import TIMESTAMP
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS, KnownReasons, failure_reasons

DAY = date(2026, 3, 17)
LONG_AGO = date(2025, 1, 1)
WINDOW = DayRange(DAY - timedelta(days=89), DAY)
SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("pipeline_id", pa.string()),
        ("exit_code", pa.int32()),
        ("created_at", TIMESTAMP),
        ("ended_at", TIMESTAMP),
        ("date", pa.date32()),
    ]
)
CODES = Explanations(
    exit_code=lambda code, own: Reason(f"exit code {code}", "ours" if own else "others", Attribution.PLATFORM)
)
ERRORS = Explanations(error=lambda group: Reason(group.code or "?", group.category or "unknown", Attribution.CUSTOMER))


def at(hour: int, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def run(
    name: str, hour: int, *, pipeline: str | None = "p", code: int | None = None, day: date = DAY
) -> dict[str, Any]:
    return {
        "run_id": name,
        "pipeline_id": pipeline,
        "exit_code": code,
        "created_at": at(0, day),
        "ended_at": at(hour, day),
        "date": day,
    }


def said(*groups: ErrorGroup, pipeline: str = "p", day: date = DAY) -> dict[date, dict[str, PipelineErrors]]:
    return {day: {pipeline: PipelineErrors(pipeline, 1, at(20, day), groups)}}


def rows(
    runs: Sequence[Mapping[str, Any]],
    explanations: Explanations = ERRORS,
    errors: Mapping[date, Mapping[str, PipelineErrors]] | None = None,
    *,
    names: Mapping[str, str] | None = None,
    days: DayRange = WINDOW,
    history_from: date = LONG_AGO,
) -> list[dict[str, Any]]:
    table = failure_reasons(
        "src",
        pa.Table.from_pylist([dict(run) for run in runs], SCHEMA),
        days,
        history_from,
        KnownReasons(explanations, errors or {}, names or {}),
        names or {},
    )
    assert table.schema == FAILURE_REASONS.schema
    table.validate(full=True)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def brief(found: Sequence[Mapping[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns or ("pipeline_id", "date", "reason", "runs")) for row in found]


def test_runs_are_counted_by_their_exit_codes() -> None:
    found = rows(
        [
            run("z", 9, code=240),
            run("c", 11, code=240),
            run("b", 11, code=240),
            run("d", 10, code=1),
            run("e", 8, pipeline="own", code=1),
            run("f", 8, pipeline=None, code=1),
            run("g", 8, code=1, day=DAY - timedelta(days=1)),
        ],
        CODES,
        names={"own": "My connector"},
    )
    assert brief(found) == [
        ("own", DAY, "exit code 1", 1),
        ("p", DAY - timedelta(days=1), "exit code 1", 1),
        ("p", DAY, "exit code 1", 1),
        ("p", DAY, "exit code 240", 3),
        (None, DAY, "exit code 1", 1),
    ]
    assert brief(found, "category", "pipeline_name")[0] == ("ours", "My connector")
    assert found[3] == {
        "source": "src",
        "pipeline_id": "p",
        "pipeline_name": None,
        "date": DAY,
        "reason": "exit code 240",
        "category": "others",
        "side": "platform",
        "runs": 3,
        "first_seen_at": at(9),
        "last_seen_at": at(11),
        "example_run_id": "c",  # the last one; of two at the same instant, the greater id
        "is_new": True,
    }


def test_runs_that_the_errors_name_have_their_reason_and_runs_that_recovered_do_not_count() -> None:
    group = ErrorGroup("E1", "User Error", None, 4, at(1), at(23), ("a", "b", "recovered", "dry"))
    found = rows([run("a", 9), run("b", 10), run("c", 11)], errors=said(group))
    assert brief(found, "reason", "category", "side", "runs", "first_seen_at", "last_seen_at", "example_run_id") == [
        ("E1", "User Error", "customer", 2, at(9), at(10), "b"),
        ("not known", "unknown", "unknown", 1, at(11), at(11), "c"),
    ]


def test_a_run_that_failed_in_the_night_is_named_by_the_errors_of_the_next_day() -> None:
    errors = said(ErrorGroup("E1", None, None, 1, run_ids=("a",)), day=DAY + timedelta(days=1))
    assert brief(rows([run("a", 25)], errors=errors)) == [("p", DAY, "E1", 1)]


def test_what_is_only_counted_explains_the_runs_that_nothing_else_does() -> None:
    groups = (ErrorGroup("E1", None, None, 3, at(8), at(12), ("a",)), ErrorGroup("E2", None, None, 1))
    runs = [run("a", 9), run("b", 10), run("c", 11), run("d", 12), run("e", 13)]
    assert brief(
        rows(runs, errors=said(*groups)), "reason", "runs", "first_seen_at", "last_seen_at", "example_run_id"
    ) == [
        ("E1", 3, at(9), at(12), "a"),  # a by name, two of the others
        ("E2", 1, at(10), at(13), None),
        ("not known", 1, at(10), at(13), "e"),
    ]


def test_times_of_errors_are_kept_within_those_of_the_runs() -> None:
    outside = ErrorGroup("E1", None, None, 2, at(1), at(30))
    after = ErrorGroup("E2", None, None, 1, at(30), at(1))
    found = rows([run("a", 9), run("b", 10), run("c", 11)], errors=said(outside, after))
    assert brief(found, "reason", "first_seen_at", "last_seen_at") == [("E1", at(9), at(11)), ("E2", at(11), at(11))]


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ((12, 6), {"E0": 6, "E1": 3}),
        ((100,), {"E0": 9}),
        ((5, 5, 5), {"E0": 3, "E1": 3, "E2": 3}),
        ((10, 10), {"E0": 5, "E1": 4}),  # 4.5 each
        ((80, 2, 1), {"E0": 9}),  # 8.67, 0.22, 0.11
        ((4, 5), {"E0": 4, "E1": 5}),
        ((4, 4), {"E0": 4, "E1": 4, "not known": 1}),
        ((0,), {"not known": 9}),
        ((), {"not known": 9}),
    ],
)
def test_where_more_errors_are_counted_than_runs_failed_they_are_shared_out(
    claims: Sequence[int], expected: dict[str, int]
) -> None:
    groups = [ErrorGroup(f"E{number}", None, None, claim) for number, claim in enumerate(claims)]
    found = rows([run(str(number), 9) for number in range(9)], errors=said(*groups))
    assert {row["reason"]: row["runs"] for row in found} == expected


def test_a_source_without_any_explanation_says_that_it_does_not_know() -> None:
    found = rows(
        [run("a", 9), run("b", 8)], Explanations(), errors=said(ErrorGroup("E1", None, None, 5, run_ids=("a",)))
    )
    assert brief(found, "reason", "category", "side", "runs", "is_new") == [
        ("not known", "unknown", "unknown", 2, False)
    ]


def test_only_the_days_asked_for_have_rows_and_no_failure_gives_an_empty_table() -> None:
    runs = [run("a", 9, code=1, day=DAY - timedelta(days=n)) for n in range(3)]
    assert brief(rows(runs, CODES, days=DayRange(DAY, DAY)), "date") == [(DAY,)]
    assert rows([], CODES) == []


@pytest.mark.parametrize(("days_before", "is_new"), [(1, False), (28, False), (29, True)])
def test_a_reason_is_new_if_the_pipeline_did_not_have_it_in_28_days(days_before: int, is_new: bool) -> None:
    earlier = DAY - timedelta(days=days_before)
    others = [
        run("y", 9, pipeline="q", code=1, day=DAY - timedelta(days=2)),
        run("z", 9, code=2, day=DAY - timedelta(days=2)),
    ]
    found = rows([run("a", 9, code=1), run("x", 9, code=1, day=earlier), *others], CODES, days=DayRange(DAY, DAY))
    assert brief(found, "reason", "is_new") == [("exit code 1", is_new)]


@pytest.mark.parametrize(("stored_before", "is_new"), [(27, False), (28, True)])
def test_nothing_is_new_where_the_history_does_not_reach_that_far_back(stored_before: int, is_new: bool) -> None:
    found = rows([run("a", 9, code=1)], CODES, history_from=DAY - timedelta(days=stored_before))
    assert brief(found, "is_new") == [(is_new,)]


def test_a_reason_that_is_asked_for_is_new_only_if_all_before_was_asked_for() -> None:
    yesterday = DAY - timedelta(days=1)
    runs = [run("a", 9), run("x", 9, day=yesterday), run("o", 9, pipeline="other", day=yesterday)]
    today = said(ErrorGroup("E1", None, None, 1, run_ids=("a",)))
    [row] = rows(runs, errors=today, days=DayRange(DAY, DAY))
    assert not row["is_new"]  # nobody asked why x failed
    nothing_said = today | said(day=yesterday)
    [row] = rows(runs, errors=nothing_said, days=DayRange(DAY, DAY))
    assert row["is_new"]
    the_same = today | said(ErrorGroup("E1", None, None, 1), day=yesterday)
    [row] = rows(runs, errors=the_same, days=DayRange(DAY, DAY))
    assert not row["is_new"]


@given(
    runs=st.lists(
        st.tuples(st.sampled_from("pq"), st.integers(0, 2), st.integers(0, 30), st.integers(0, 9)), max_size=30
    ),
    groups=st.lists(
        st.tuples(
            st.sampled_from("pq"), st.integers(0, 2), st.lists(st.integers(0, 29), max_size=5), st.integers(0, 9)
        ),
        max_size=8,
    ),
)
def test_the_rows_of_a_pipeline_and_day_sum_to_its_failed_runs(
    runs: list[tuple[str, int, int, int]], groups: list[tuple[str, int, list[int], int]]
) -> None:
    given_runs = [
        run(str(n), hour, pipeline=pipeline, day=DAY - timedelta(days=back))
        for n, (pipeline, back, hour, _) in enumerate(runs)
    ]
    errors: dict[date, dict[str, PipelineErrors]] = {}
    for number, (pipeline, back, named, others) in enumerate(groups):
        day = errors.setdefault(DAY - timedelta(days=back), {})
        before = day[pipeline].groups if pipeline in day else ()
        ids = tuple(map(str, set(named)))
        group = ErrorGroup(f"E{number % 3}", str(number), None, len(ids) + others, run_ids=ids)
        day[pipeline] = PipelineErrors(pipeline, 1, at(20), (*before, group))
    found = rows(given_runs, errors=errors)
    sums: dict[tuple[str, date], int] = {}
    for row in found:
        key = row["pipeline_id"], row["date"]
        sums[key] = sums.get(key, 0) + row["runs"]
        assert row["runs"] > 0
        assert row["first_seen_at"] <= row["last_seen_at"]
    expected: dict[tuple[str, date], int] = {}
    for one in given_runs:
        key = one["pipeline_id"], one["date"]
        expected[key] = expected.get(key, 0) + 1
    assert sums == expected
    keys = brief(found, "pipeline_id", "date", "reason")
    assert keys == sorted(set(keys))
