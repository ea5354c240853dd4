"""A data folder with ten days of a small fleet, judged; its names are what an attacker would give."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runs_assets.accounts import SOURCES
from runs_assets.days import start_of
from runs_assets.insight.fleet import Fleet, fleet_of
from runs_assets.reasons.details_files import KnownDetails, store_details
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.refresh import Judge
from runs_assets.watch_file import Owner, WatchFile
from runs_assets_tests.conftest import NOW
from runs_assets_tests.verdicts.storing import runs_table, store_runs

DAYS = 10
LAST_DAY = NOW.date()
FIRST_DAY = LAST_DAY - timedelta(days=DAYS - 1)
UNREAD_DAY = LAST_DAY - timedelta(days=4)
DOWN, QUOTED, REVERSED, NAMELESS = "p-down", "p-quoted", "p-reversed", "9f0b3c1e-0000-4000-8000-000000000001"
SCRIPT, IMAGE = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'
NAMES = {DOWN: SCRIPT, QUOTED: IMAGE, REVERSED: "in\u202eeciov\x07\nnext"}
SHOWN_NAMES = {DOWN: SCRIPT, QUOTED: IMAGE, REVERSED: "in eciov next", NAMELESS: "9f0b3c1e"}
WATCH = WatchFile(
    links={"cloudcruise": "https://app.example/runs/{run_id}?a=1&b=2"},
    owners=(Owner(pipeline=DOWN, owner="<b>Billing</b>"),),
)


def small_fleet(folder: Path) -> Fleet:
    """What is known of the folder's runs at `NOW`, after they were written there."""
    layout = Layout(folder)
    (folder / "raw_runs").mkdir(parents=True)
    for back in reversed(range(DAYS)):
        day = LAST_DAY - timedelta(days=back)
        if day != UNREAD_DAY:
            runs = list(_runs_of(start_of(day), NOW))
            store_runs(
                layout,
                "cloudcruise",
                day,
                runs_table(_columns(runs)),
                min(NOW, start_of(day) + timedelta(days=2)),
                settled=back > 1,
            )
    store_runs(
        layout, "productsup", LAST_DAY, runs_table(_columns(list(_feed(start_of(LAST_DAY))))), NOW, settled=False
    )
    store_details(layout, "cloudcruise", KnownDetails(names=NAMES))
    assert Judge(layout, 90, WATCH).refresh(SOURCES).problem is None
    return the_fleet(layout)


def the_fleet(layout: Layout) -> Fleet:
    """What is known of a folder at `NOW`."""
    return fleet_of(layout, WATCH, SOURCES, now=NOW, window_days=90, longest_unread=timedelta(hours=6))


def _runs_of(midnight: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    """A run an hour of each pipeline; one fails each time since 2:00 of the last day, another one at noon."""
    for hour in range(24):
        begins = midnight + timedelta(hours=hour)
        for pipeline in (DOWN, QUOTED, REVERSED, NAMELESS):
            fails = (pipeline == DOWN and begins >= start_of(LAST_DAY) + timedelta(hours=2)) or (
                pipeline == QUOTED and hour == 12
            )
            if begins + timedelta(minutes=2) < end:
                yield _run(pipeline, begins, "failed" if fails else "succeeded", hour)


def _feed(midnight: datetime) -> Iterator[Mapping[str, Any]]:
    for hour in range(6):
        yield _run("feed", midnight + timedelta(hours=hour), "succeeded", hour)


def _run(pipeline: str, begins: datetime, status: str, hour: int) -> Mapping[str, Any]:
    return {
        "run_id": f"{pipeline}-{begins:%m%dT%H}<&>",
        "status": status,
        "created_at": begins,
        "finished_at": begins + timedelta(seconds=30 + hour),
        "pipeline_id": pipeline,
        "pipeline_version": "<i>2.0</i>\u202e",
        "site_id": "1</td>",
        "site_name": "Site\x07\u2066<u>A</u>",
        "workspace_id": "w'\"&",
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {name: [row[name] for row in rows] for name in rows[0]}
