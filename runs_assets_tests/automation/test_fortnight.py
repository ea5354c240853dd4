"""A fortnight with all that goes wrong ends with every day done and right, before the API forgets it, for few requests."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import orjson
import pytest
import zstandard

from runs_assets.accounts import SOURCES
from runs_assets.days import DayRange, start_of
from runs_assets.sandbox import Sandbox, SimulatedHistory, simulated_cloudcruise, simulated_productsup
from runs_assets.sandbox.faults.drift import RunsArriveLate, StatusesChange
from runs_assets.sandbox.faults.fault import Fault, faulty
from runs_assets.settling.due import Request
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets_tests.automation.fortnight import CLOCK, Life, PerfectPlan, waits_that_take_no_time
from runs_assets_tests.files_on_disk import on_disk

FIRST = date(2026, 3, 1)
DAYS = DayRange(FIRST, date(2026, 3, 14))
START = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
END = datetime(2026, 3, 17, 13, 0, tzinfo=UTC)
RETENTION = timedelta(days=7)
TODAY_EVERY = timedelta(hours=6)

DOWN = (datetime(2026, 3, 4, 2, 30, tzinfo=UTC), datetime(2026, 3, 5, 2, 30, tzinfo=UTC))
OFF = (datetime(2026, 3, 7, 8, 30, tzinfo=UTC), datetime(2026, 3, 10, 8, 30, tzinfo=UTC))
CRASH = datetime(2026, 3, 11, 16, 30, tzinfo=UTC)
LATE = timedelta(hours=7)
OPEN_FOR = timedelta(hours=36)


def faults() -> list[Fault]:
    """Rows that are listed 7 hours late, and runs that end a day and a half after their creation, some after a retry."""
    return [RunsArriveLate(late=LATE, every=6), StatusesChange(after=OPEN_FOR)]


def served(sandbox: Sandbox, source: str) -> SimulatedHistory:
    """Let the sandbox serve a small simulated history with the faults, and forget what is older than a week."""
    history = {"cloudcruise": simulated_cloudcruise, "productsup": simulated_productsup}[source](days=31, volume=0.06)
    sandbox.clock = CLOCK
    platform = sandbox.cloudcruise if source == "cloudcruise" else sandbox.productsup
    platform.history = history
    platform.faults[:] = faults()
    sandbox.cloudcruise.retention_days = RETENTION / timedelta(days=1)
    return history


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_fortnight(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as sandbox, waits_that_take_no_time() as clients, dg.DagsterInstance.ephemeral() as instance:
        set_up(sandbox, tmp_path, monkeypatch)
        history = served(sandbox, source.name)
        life = Life(source, sandbox, instance)
        perfect = PerfectPlan(source, Layout(tmp_path / "perfect"), TODAY_EVERY, max(OPEN_FOR, timedelta(hours=24)))
        done_at: dict[date, datetime] = {}
        for CLOCK.now in every_two_hours():
            if CLOCK.now == DOWN[0]:
                sandbox.__exit__(None, None, None)
            elif CLOCK.now == DOWN[1]:
                sandbox.__enter__()
            if CLOCK.now == CRASH:
                life.crash(DayRange(date(2026, 3, 9), CLOCK.now.date()))
            elif not is_inside(OFF) and isinstance(life.tick(), Request):
                for day in life.done_days(DayRange(FIRST, CLOCK.now.date())) - done_at.keys():
                    done_at[day] = CLOCK.now
        requests = sum(client.requests for client in clients)

        for CLOCK.now in every_two_hours():
            if not is_inside(OFF) and not is_inside(DOWN):
                perfect.tick(FIRST)

    for day in DAYS.newest_first():
        assert done_at[day] < start_of(day) + RETENTION, day
    assert stored(life.layout, source) == truth(history, source)
    assert requests <= 1.5 * perfect.requests, (requests, perfect.requests)


def every_two_hours() -> Iterator[datetime]:
    at = START
    while at < END:
        yield at
        at += timedelta(hours=2)


def is_inside(interval: tuple[datetime, datetime]) -> bool:
    return interval[0] <= CLOCK.now < interval[1]


def set_up(sandbox: Sandbox, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    settings = {
        "CLOUDCRUISE_BASE_URL": sandbox.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": sandbox.api_key,
        "CLOUDCRUISE_RETENTION_DAYS": str(RETENTION.days),
        "PRODUCTSUP_CDE_BASE_URL": sandbox.productsup_url,
        "PRODUCTSUP_CDE_TOKEN": sandbox.token,
        "RUNS_ASSETS_DATA": str(folder / "data"),
        "RUNS_ASSETS_FIRST_DAY": str(FIRST),
        "RUNS_ASSETS_TODAY_EVERY_MINUTES": str(TODAY_EVERY / timedelta(minutes=1)),
    }
    for name, value in settings.items():
        patch.setenv(name, value)


def stored(layout: Layout, source: Source) -> dict[date, dict[str, object]]:
    """Every stored run of the fortnight by day and id, as the API printed it."""
    found: dict[date, dict[str, object]] = {}
    for day in DAYS.newest_first():
        with zstandard.open(on_disk(layout.day_file(RAW_RUNS, source.name, day)), "rb") as file:
            runs = [orjson.loads(line)["run"] for line in file.read().splitlines()]
        found[day] = {run[source.shape.id_field]: run for run in runs}
        assert len(found[day]) == len(runs)
    return found


def truth(history: SimulatedHistory, source: Source) -> dict[date, dict[str, object]]:
    """What the API would print of the same runs in the end, without the fields that are never stored."""
    final = END + timedelta(days=30)
    rows = faulty(history.visible(END), faults(), final)
    expected: dict[date, dict[str, object]] = {day: {} for day in DAYS.newest_first()}
    for row in rows:
        if row.created_at.date() in DAYS:
            body = {name: value for name, value in row.body.items() if name in source.shape.known}
            expected[row.created_at.date()][str(row.body[source.shape.id_field])] = body
    return expected
