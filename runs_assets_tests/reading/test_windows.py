"""A range that is read in windows side by side: the same runs in the same files, each once, or the first error."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runs_assets.days import DayRange
from runs_assets.errors import CredentialsError
from runs_assets.reading.request import ReadingRequest
from runs_assets.reading.whole_days import read_days
from runs_assets.sandbox import FixedHistory, Row, Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets.storage.layout import Layout
from runs_assets.storage.raw import blocks
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project, failure_of
from runs_assets_tests.reading.under_way import (
    DAYS,
    PROMPT_SECONDS,
    client_of,
    is_fetching,
    reading,
    run_at,
    show,
)

FIRST, MIDDLE, LAST = date(2026, 3, 15), date(2026, 3, 16), date(2026, 3, 17)
TWO = DayRange(MIDDLE, LAST)
EDGE = ["2026-03-17T00:00:00Z", "2026-03-16T23:59:59Z"]
"""What lies within a second of the edge between two windows, and is on the pages of both."""
BEFORE = "2026-03-15T23:59:59Z"
"""Shows the middle day's window that it is read: an end without an older run is proven with nothing else under way."""
INSIDE = [f"{day}T12:00:{n:02d}Z" for day in (LAST, MIDDLE) for n in range(12)]


def stored_runs(folder: Path, day: date) -> list[dict[str, Any]]:
    lines = b"".join(blocks(Layout(folder).day_file("raw_runs", "cloudcruise", day))).splitlines()
    return [orjson.loads(line)["run"] for line in lines]


def stored_ids(folder: Path, day: date) -> list[str]:
    """The ids in a day's raw file, as often as they stand there."""
    return sorted(run["session_id"] for run in stored_runs(folder, day))


def stored_states(folder: Path, times: list[str]) -> list[tuple[str, str, str]]:
    """Of some runs of the last two days: in which day's file each stands, its id and its status."""
    runs = [(str(day), run["session_id"], run["status"]) for day in (MIDDLE, LAST) for run in stored_runs(folder, day)]
    return sorted(run for run in runs if run[1] in times)


def all_with(status: str, times: list[str]) -> list[tuple[str, str, str]]:
    """What `stored_states` gives if each stands once in the file of its own day, with a status."""
    return [(at[:10], at, status) for at in sorted(times)]


def change(history: FixedHistory, times: list[str], status: str) -> None:
    """Let the API show another status of some runs."""
    history.delete(lambda row: row.body["session_id"] in times)
    history.insert(*(Row(datetime.fromisoformat(at), run_at(at, status=status)) for at in times))


def of(day: date, times: list[str]) -> list[str]:
    return sorted(at for at in times if at.startswith(str(day)))


def holding_back(sandbox: Sandbox, start: str, is_free: Callable[[], bool]) -> None:
    """Answer no request of the window that begins a second after `start` before `is_free`."""

    async def hold(request: Request, inner: Handler) -> Response:
        while request.query_params["start_time"] == start and not is_free():
            await asyncio.sleep(0.005)
        return await inner(request)

    sandbox.hooks["cloudcruise"].append(hold)


OF_THE_LAST_DAY, OF_THE_MIDDLE_DAY = "2026-03-16T23:59:59Z", "2026-03-15T23:59:59Z"


def test_a_range_is_split_into_whole_days_of_nearly_equal_number() -> None:
    march = DayRange(date(2026, 3, 1), date(2026, 3, 31))
    assert [str(part) for part in march.parts(4)] == [
        "2026-03-24..2026-03-31",
        "2026-03-16..2026-03-23",
        "2026-03-08..2026-03-15",
        "2026-03-01..2026-03-07",
    ]
    assert DAYS.parts(8) == [DayRange(day, day) for day in (LAST, MIDDLE, FIRST)]
    assert DAYS.parts(1) == [DAYS]


@pytest.mark.parametrize("windows", [1, 2, 3, 8])
def test_every_run_is_stored_once_and_no_day_is_stored_twice(sandbox: Sandbox, tmp_path: Path, windows: int) -> None:
    times = [*INSIDE, *EDGE, "2026-03-16T00:00:00Z", BEFORE, "2026-03-15T00:00:00Z"]
    show(sandbox, [*times, "2026-03-14T23:59:59Z", "2026-03-18T00:00:00Z"])
    with client_of(sandbox) as client:
        stored = list(reading(client, tmp_path, windows=windows))
    assert sorted(day.day for day in stored) == [FIRST, MIDDLE, LAST]
    assert all(day.raw.read.complete for day in stored)
    assert len({day.raw.read.read_id for day in stored}) == 1
    assert {day: stored_ids(tmp_path, day) for day in (FIRST, MIDDLE, LAST)} == {
        day: of(day, times) for day in (FIRST, MIDDLE, LAST)
    }
    assert sum(day.requests for day in stored) == len(sandbox.requests)


def test_windows_are_asked_for_at_the_same_time(sandbox: Sandbox, tmp_path: Path) -> None:
    show(sandbox, INSIDE)
    waiting: list[str] = []

    async def wait_for_three(request: Request, inner: Handler) -> Response:
        waiting.append(request.query_params["start_time"])
        while len(waiting) < 3:
            await asyncio.sleep(0.005)
        return await inner(request)

    sandbox.hooks["cloudcruise"].append(wait_for_three)
    with client_of(sandbox) as client:
        assert len(list(reading(client, tmp_path, windows=3))) == 3
    assert sorted(waiting[:3]) == ["2026-03-14T23:59:59Z", OF_THE_MIDDLE_DAY, OF_THE_LAST_DAY]


def test_a_run_that_turns_up_late_on_a_page_of_the_next_window_goes_to_its_day(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    history = show(sandbox, [*INSIDE, EDGE[0], BEFORE])
    is_middle_stored = Event()
    holding_back(sandbox, OF_THE_LAST_DAY, is_middle_stored.is_set)
    with client_of(sandbox) as client, closing(reading(client, tmp_path, TWO, windows=2)) as stored:
        assert next(stored).day == MIDDLE
        history.insert(Row(datetime.fromisoformat(EDGE[1]), run_at(EDGE[1])))
        is_middle_stored.set()
        assert sorted(day.day for day in stored) == [MIDDLE, LAST]
    assert stored_ids(tmp_path, MIDDLE) == of(MIDDLE, [*INSIDE, *EDGE])
    assert stored_ids(tmp_path, LAST) == of(LAST, [*INSIDE, *EDGE])


def test_a_run_that_only_the_window_before_was_shown_goes_to_its_day(sandbox: Sandbox, tmp_path: Path) -> None:
    history = show(sandbox, [*INSIDE, *EDGE, BEFORE])
    is_middle_stored = Event()
    holding_back(sandbox, OF_THE_LAST_DAY, is_middle_stored.is_set)
    with client_of(sandbox) as client, closing(reading(client, tmp_path, TWO, windows=2)) as stored:
        assert next(stored).day == MIDDLE
        history.delete(lambda row: row.body["session_id"] == EDGE[0])
        is_middle_stored.set()
        assert [day.day for day in stored] == [LAST]
    assert stored_ids(tmp_path, LAST) == of(LAST, [*INSIDE, *EDGE])


def test_a_run_at_the_edge_that_changed_meanwhile_is_stored_as_it_was_shown_last(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    history = show(sandbox, [*INSIDE, *EDGE, BEFORE])
    is_middle_stored = Event()
    holding_back(sandbox, OF_THE_LAST_DAY, is_middle_stored.is_set)
    with client_of(sandbox) as client, closing(reading(client, tmp_path, TWO, windows=2)) as stored:
        assert next(stored).day == MIDDLE
        change(history, EDGE, "execution.failed")
        is_middle_stored.set()
        assert sorted(day.day for day in stored) == [MIDDLE, LAST]
    assert stored_states(tmp_path, EDGE) == all_with("execution.failed", EDGE)


def test_a_page_that_is_overtaken_on_its_way_does_not_undo_what_a_later_one_has_shown(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    history = show(sandbox, [*INSIDE, *EDGE, BEFORE])
    is_last_stored, is_shown = Event(), Event()

    async def overtake(request: Request, inner: Handler) -> Response:
        if request.query_params["start_time"] == OF_THE_MIDDLE_DAY:
            answer = await inner(request)
            if not is_shown.is_set():
                change(history, EDGE, "execution.failed")
                is_shown.set()
            while not is_last_stored.is_set():
                await asyncio.sleep(0.005)
            return answer
        while not is_shown.is_set():
            await asyncio.sleep(0.005)
        return await inner(request)

    sandbox.hooks["cloudcruise"].append(overtake)
    ticks = count()
    ticking = replace(client_of(sandbox), clock=lambda: NOW + timedelta(microseconds=next(ticks)))
    with ticking as client, closing(reading(client, tmp_path, TWO, windows=2)) as stored:
        assert next(stored).day == LAST
        is_last_stored.set()
        list(stored)
    assert stored_states(tmp_path, EDGE) == all_with("execution.failed", EDGE)


def test_a_state_that_comes_back_is_stored_as_it_was_shown_last(sandbox: Sandbox, tmp_path: Path) -> None:
    again = [f"2026-03-16T23:59:59.{n}Z" for n in range(4)]  # on the middle day's first two pages, and the last day's
    history = show(sandbox, [*INSIDE, EDGE[0], *again, BEFORE])
    change(history, again, "execution.start")
    is_middle_stored, asked = Event(), count()

    async def pause(request: Request, inner: Handler) -> Response:
        if request.query_params["start_time"] == OF_THE_MIDDLE_DAY and next(asked) == 1:
            change(history, again, "execution.paused")
        return await inner(request)

    sandbox.hooks["cloudcruise"].append(pause)
    holding_back(sandbox, OF_THE_LAST_DAY, is_middle_stored.is_set)
    with client_of(sandbox) as client, closing(reading(client, tmp_path, TWO, windows=2)) as stored:
        assert next(stored).day == MIDDLE
        assert "execution.paused" in {run["status"] for run in stored_runs(tmp_path, MIDDLE)}
        change(history, again, "execution.start")
        is_middle_stored.set()
        assert sorted(day.day for day in stored) == [MIDDLE, LAST]
    assert stored_states(tmp_path, again) == all_with("execution.start", again)


def test_the_first_error_ends_all_windows_and_keeps_the_days_already_stored(sandbox: Sandbox, tmp_path: Path) -> None:
    show(sandbox, [*INSIDE, BEFORE])
    is_middle_stored, is_over = Event(), Event()

    async def hang_or_refuse(request: Request, inner: Handler) -> Response:
        start = request.query_params["start_time"]
        if start == OF_THE_MIDDLE_DAY:
            return await inner(request)
        while start == OF_THE_LAST_DAY and not is_over.is_set():
            await asyncio.sleep(0.005)
        while not is_middle_stored.is_set():
            await asyncio.sleep(0.005)
        return PlainTextResponse("{}", 403)

    sandbox.hooks["cloudcruise"].append(hang_or_refuse)
    with client_of(sandbox) as client, closing(reading(client, tmp_path, windows=3)) as stored:
        assert next(stored).day == MIDDLE
        begun = time.monotonic()
        is_middle_stored.set()
        with pytest.raises(CredentialsError, match="HTTP 403"):
            next(stored)
        assert time.monotonic() - begun < PROMPT_SECONDS
        assert not is_fetching()
    is_over.set()
    assert stored_ids(tmp_path, MIDDLE) == of(MIDDLE, INSIDE)
    assert Layout(tmp_path).stored_days("raw_runs", "cloudcruise") == [MIDDLE]


def test_a_reading_in_windows_left_early_leaves_nothing_behind(sandbox: Sandbox, tmp_path: Path) -> None:
    show(sandbox, [*INSIDE, BEFORE])
    holding_back(sandbox, OF_THE_LAST_DAY, is_over := Event().is_set)
    with client_of(sandbox) as client:
        with closing(reading(client, tmp_path, windows=3)) as stored:
            next(stored)
        assert not is_fetching()
    assert not list(Layout(tmp_path).scratch("cloudcruise").iterdir())
    assert not is_over()


def test_progress_is_told_of_all_windows_together(sandbox: Sandbox, tmp_path: Path) -> None:
    show(sandbox, INSIDE)
    told: list[str] = []
    ticks = iter(range(0, 1000, 20))
    request = ReadingRequest("cloudcruise", "session_id", TWO, Layout(tmp_path), lambda: NOW, report=told.append)
    with client_of(sandbox) as client:
        list(
            read_days(
                client, request, date(2025, 1, 1), timedelta(days=31), windows=2, monotonic=lambda: float(next(ticks))
            )
        )
    # Of each window three pages with 14 rows, of which two are repeated, the last row again, and twice nothing; the one
    # that gets there first, or both, once more beside the other.
    assert re.match("cloudcruise: 2 of 2 days done, 30 runs, 1[34] pages, ", told[-1])


def test_the_setting_says_how_many_windows_there_are(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    show(project.sandbox, [*INSIDE, *EDGE])
    monkeypatch.setenv("CLOUDCRUISE_PARALLEL", "2")
    assert project.materialize("cloudcruise", MIDDLE, LAST).success
    for day in (MIDDLE, LAST):
        assert sorted(run["run_id"] for run in project.table("runs", "cloudcruise", day)) == of(day, [*INSIDE, *EDGE])
    assert {OF_THE_LAST_DAY, OF_THE_MIDDLE_DAY} == {
        asked.query["start_time"] for asked in project.sandbox.requests if asked.path == "/runs"
    }
    monkeypatch.setenv("CLOUDCRUISE_PARALLEL", "9")
    assert "CLOUDCRUISE_PARALLEL: '9' is not a whole number of at least 1 and at most 8" in failure_of(
        project.materialize("cloudcruise", MIDDLE, LAST)
    )
