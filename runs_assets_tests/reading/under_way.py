"""A reading of a few CloudCruise days, and what is under way while it lasts."""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from threading import enumerate as alive

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runs_assets.days import DayRange
from runs_assets.http.header_auth import HeaderAuth
from runs_assets.plain_text.redaction import Redactor
from runs_assets.reading.request import ReadingRequest, StoredDay
from runs_assets.reading.whole_days import read_days
from runs_assets.sandbox import FixedHistory, Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets.sources.cloudcruise.client import CloudCruiseClient
from runs_assets.storage.layout import Layout
from runs_assets_tests.conftest import NOW
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

DAYS = DayRange(date(2026, 3, 15), date(2026, 3, 17))
PAGE_SIZE = 5
PROMPT_SECONDS = 10
"""Far less than an answer is waited for, and enough for a busy machine."""


def run_at(created_at: str, **more: object) -> dict[str, object]:
    """A run whose id is its creation time."""
    return {**CLOUDCRUISE_EXAMPLE[0], "session_id": created_at, "created_at": created_at, **more}


def show(sandbox: Sandbox, times: Iterable[str]) -> FixedHistory:
    """Let the API show a run at each of these times."""
    sandbox.cloudcruise.history = history = FixedHistory.of([run_at(at) for at in times])
    return history


def client_of(sandbox: Sandbox) -> CloudCruiseClient:
    auth = HeaderAuth("cc-key", sandbox.api_key, "KEY")
    return CloudCruiseClient(sandbox.cloudcruise_url, auth, Redactor(), clock=lambda: NOW, page_size=PAGE_SIZE)


def reading(
    client: CloudCruiseClient, folder: Path, days: DayRange = DAYS, windows: int = 1
) -> Generator[StoredDay, None, None]:
    request = ReadingRequest("cloudcruise", "session_id", days, Layout(folder), lambda: NOW, report=lambda _line: None)
    return read_days(client, request, date(2025, 1, 1), timedelta(days=31), windows=windows)


def until(happens: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not happens():
        assert time.monotonic() - begun < PROMPT_SECONDS, "it did not happen"
        time.sleep(0.005)


def is_fetching() -> bool:
    return any(thread.name.startswith("ThreadPoolExecutor") for thread in alive())


@contextmanager
def hanging(sandbox: Sandbox, after: int) -> Iterator[Event]:
    """Requests after so many are not answered before the block ends; the event says that there is one."""
    asked, is_reached, is_over = count(), Event(), Event()

    async def hang(request: Request, inner: Handler) -> Response:
        if next(asked) < after:
            return await inner(request)
        is_reached.set()
        while not is_over.is_set():
            await asyncio.sleep(0.005)
        return PlainTextResponse("[]")

    sandbox.hooks["cloudcruise"].append(hang)
    try:
        yield is_reached
    finally:
        is_over.set()
