"""The next pages are under way while one is processed, and nothing stays under way when a reading ends."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runs_assets.sandbox import Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets.sources.cloudcruise.client import CloudCruiseClient
from runs_assets.storage.layout import Layout
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.reading.under_way import (
    DAYS,
    PAGE_SIZE,
    PROMPT_SECONDS,
    client_of,
    hanging,
    is_fetching,
    reading,
    show,
    until,
)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[CloudCruiseClient]:
    """Three days of five runs, a second apart; pages of five."""
    show(sandbox, [f"{day}T10:00:{n:02d}Z" for day in DAYS.newest_first() for n in range(PAGE_SIZE)])
    with client_of(sandbox) as client:
        yield client


def test_three_more_pages_are_asked_for_while_a_day_is_in_the_readers_hands(
    sandbox: Sandbox, client: CloudCruiseClient, tmp_path: Path
) -> None:
    with closing(reading(client, tmp_path)) as stored:
        assert next(stored).day == DAYS.last  # the second page has shown a run of the day before
        until(lambda: len(sandbox.requests) == 5)
        time.sleep(0.2)
        assert len(sandbox.requests) == 5


def test_a_request_counts_for_the_day_that_its_page_completes(
    sandbox: Sandbox, client: CloudCruiseClient, tmp_path: Path
) -> None:
    stored = []
    for day in reading(client, tmp_path):
        time.sleep(0.1)  # by now the next request is under way
        stored.append((day.day.day, day.requests))
    # Two pages until a run of the 16th is shown, one more until one of the 15th is; then the rest of it, its first run
    # once more, and twice that there is nothing before.
    assert stored == [(17, 2), (16, 1), (15, 4)]
    assert len(sandbox.requests) == 7


def test_what_fails_ahead_is_told_after_the_page_before_it_was_stored(
    sandbox: Sandbox, client: CloudCruiseClient, tmp_path: Path
) -> None:
    asked = count()

    async def refuse(request: Request, inner: Handler) -> Response:
        return await inner(request) if next(asked) < 2 else PlainTextResponse("{}", 403)

    sandbox.hooks["cloudcruise"].append(refuse)
    with closing(reading(client, tmp_path)) as stored:
        assert next(stored).day == DAYS.last
        with pytest.raises(Exception, match="HTTP 403"):
            next(stored)


def test_a_reading_left_early_leaves_no_request_under_way(
    sandbox: Sandbox, client: CloudCruiseClient, tmp_path: Path
) -> None:
    with hanging(sandbox, after=2) as is_reached:
        with closing(reading(client, tmp_path)) as stored:
            next(stored)
            assert is_reached.wait(PROMPT_SECONDS)
            begun = time.monotonic()
        assert time.monotonic() - begun < PROMPT_SECONDS
        assert not is_fetching()
    assert not list(Layout(tmp_path).scratch("cloudcruise").iterdir())


def test_a_disk_that_refuses_ends_the_reading_at_once(
    sandbox: Sandbox, client: CloudCruiseClient, tmp_path: Path
) -> None:
    on_disk(Layout(tmp_path).day_file("raw_runs", "cloudcruise", DAYS.last)).mkdir(parents=True)
    with hanging(sandbox, after=2), pytest.raises(Exception, match="Could not"):
        list(reading(client, tmp_path))
    assert not is_fetching()


# A signal that comes just before a wait, like one that another thread gets, does not wake the main thread.
INTERRUPTED = """
import signal, sys, threading
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from runs_assets.days import DayRange, utc_now
from runs_assets.reading.request import ReadingRequest
from runs_assets.reading.whole_days import read_days
from runs_assets.sources.cloudcruise.source import CloudCruiseApi
from runs_assets.storage.layout import Layout

def interrupt_unnoticed():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=interrupt_unnoticed, daemon=True).start()
layout, days = Layout(Path("data")), DayRange(date(2026, 3, 15), date(2026, 3, 17))
clock = lambda: datetime.fromisoformat("2026-03-18T12:00:00Z")
request = ReadingRequest("cloudcruise", "session_id", days, layout, clock, print)
with CloudCruiseApi(settings_prefix="CLOUDCRUISE_").client("cloudcruise", layout, clock) as client:
    for stored in read_days(client, request, date(2025, 1, 1), timedelta(days=31)):
        print(stored.day, flush=True)
"""


@pytest.mark.usefixtures("client")
def test_an_interrupt_ends_a_process_that_waits_for_an_answer(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDCRUISE_BASE_URL", sandbox.cloudcruise_url)
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("CLOUDCRUISE_PAGE_SIZE", str(PAGE_SIZE))
    with (
        hanging(sandbox, after=2) as is_reached,
        subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == "2026-03-17\n"
        assert is_reached.wait(PROMPT_SECONDS)
        try:
            _, errors = process.communicate("interrupt\n", timeout=PROMPT_SECONDS)
        finally:
            process.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")
