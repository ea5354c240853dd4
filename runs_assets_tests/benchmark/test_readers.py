"""What the server serves is what the readers read, whole days of it, in whichever way it is serialized."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http import HTTPStatus
from pathlib import Path
from threading import Thread

import httpx
import numpy as np
import pandas as pd
import pytest

from runs_assets_tests.benchmark import floor, plain
from runs_assets_tests.benchmark.history import History, numbers_of
from runs_assets_tests.benchmark.server import PageServer

DAYS = {date(2025, 3, 1): 900, date(2025, 3, 2): 2_500, date(2025, 3, 3): 700}
DAY, FIRST, COUNT = date(2025, 3, 2), 700, 2_500
SOURCES = ("cloudcruise", "productsup")


@contextmanager
def client(source: str) -> Iterator[httpx.Client]:
    with PageServer(source, History(source, DAYS)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        with httpx.Client(base_url=f"{server.url}/") as http:
            yield http
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("source", SOURCES)
def test_both_readers_by_hand_read_each_run_of_a_day_once(source: str, tmp_path: Path) -> None:
    with client(source) as http:
        by_floor = floor.write(source, floor.pages(source, http, DAY, FIRST, COUNT), tmp_path / "floor")
        by_loop = plain.write(source, plain.pages(source, http, DAY, FIRST, COUNT), str(tmp_path / "plain"))
    assert (by_floor, by_loop) == (COUNT, COUNT)
    fast, slow = pd.read_parquet(tmp_path / "floor"), pd.read_parquet(tmp_path / "plain")
    assert sorted(numbers_of(fast["run_id"].to_list())) == list(range(COUNT))
    assert set(fast["created_at"].dt.date) == {DAY}
    created = slow["created_at" if source == "cloudcruise" else "created-at"]
    assert pd.to_datetime(created, utc=True).tolist() == fast["created_at"].tolist()


@pytest.mark.parametrize("source", SOURCES)
def test_days_that_are_serialized_when_asked_for_are_the_same_days(source: str) -> None:
    whole, lazy = History(source, DAYS), History(source, DAYS, kept_days=1)
    assert len(whole) == len(lazy) == sum(DAYS.values())
    for first, last in [(0, 10), (690, 710), (0, 4_100), (3_200, 4_100), (4_090, 4_100), (5, 5)]:
        assert lazy.page(first, last) == whole.page(first, last)
    midnight = int(np.datetime64(DAY, "s").astype(np.int64))
    assert [lazy.first_before(midnight + hours * 3_600) for hours in (0, 24)] == [3_200, 700]


def test_each_page_waits_and_counts_and_asking_for_the_count_does_not() -> None:
    with PageServer("productsup", History("productsup", DAYS), wait_seconds=0.05) as server:
        begun = time.monotonic()
        for _ in range(3):
            assert server.answer("/productsup/runs?from=0&limit=1")[0] == HTTPStatus.OK
        assert time.monotonic() - begun >= 0.15
        assert [server.answer("/requests")[1] for _ in range(2)] == [(b"3",), (b"3",)]
