"""How long a tick takes where Dagster's instance is shared with other projects, whose runs are many.

The runs are written to a real SQLite instance, ours first, so that all of theirs are newer. Two in five of theirs were
started from a page of assets, one in ten is not finished, and one in five was created within the last two days. A
tick asks for what is due, and reads the ends of the files of the days in reach: no day is stored here, so what is
measured is the reading of Dagster's records. The median of several ticks counts, in a process that has evaluated one
before, in processor time: what other processes take is no part of it.

`python -W ignore -m runs_assets_tests.benchmark.ticks RUNS` prints `{"medians": {...}}`: seconds, by what was asked.
"""

import json
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster_shared.serdes import serialize_value

from runs_assets.accounts import SOURCES
from runs_assets.automation.sensors import Tick, due_refresh
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.tables import code_versions
from runs_assets.days import DayRange
from runs_assets.instance.ended_runs import latest_job_runs
from runs_assets.instance.project import ASSET_PAGE_JOB, REPOSITORY_TAG, Project
from runs_assets.instance.run_records import Records
from runs_assets.instance.run_tags import REFRESH_VERDICTS, range_tags
from runs_assets.resources import DataFolder
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.verdicts.refresh import Judge
from runs_assets_tests.benchmark.process import temporary_instance
from runs_assets_tests.files_on_disk import on_disk

OUR_HOURS = 48
TICKS = 9
BATCH = 5_000
NOW = datetime.now(UTC)
OURS, THEIRS = "__repository__@ours", "__repository__@theirs"
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
UNFINISHED = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED)

Row = tuple[dg.DagsterRun, str]
"""A run, and its text as Dagster stores it."""
Stored = tuple[Row, datetime]
"""A run, and when it was created."""


def medians(foreign_runs: int) -> dict[str, float]:
    """Fill an instance, and time (in seconds) what the sensors ask of it every minute."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RUNS_ASSETS_DATA", str(Path(folder, "data")))
        environment.setenv("RUNS_ASSETS_FIRST_DAY", str(NOW.date() - timedelta(days=31)))
        environment.setenv("PRODUCTSUP_CDE_BASE_URL", "http://127.0.0.1:9")
        with temporary_instance(folder) as instance:
            write_runs(instance, our_runs(SOURCES))
            write_runs(instance, _foreign_runs(foreign_runs))
            return {name: median(ask) for name, ask in _questions(instance)}


def _questions(instance: dg.DagsterInstance) -> Iterator[tuple[str, Callable[[], object]]]:
    source = SOURCES[0]
    folder, judge = DataFolder(), Judge.of(project_settings())
    project = Project(SOURCES, label=OURS)
    made_of = (folder.layout, folder.rules, folder.first_day)
    versions = code_versions(source)
    for each in SOURCES:
        path = on_disk(judge.layout.day_file(FAILURE_RATES.name, each.name, NOW.date()))
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")  # to be judged, so that it is looked whether its source is being read
    yield (
        f"{source.name}_unsettled_days",
        lambda: Tick(source, versions, Records(instance, NOW, OURS), *made_of).decide(0),
    )
    yield "outdated_verdicts", lambda: due_refresh(project, judge, Records(instance, NOW, OURS))
    yield "alerts", lambda: latest_job_runs(instance, project, NOW)


def median(ask: Callable[[], object]) -> float:
    """The seconds of processor time that several calls after a first one take, in the median."""
    ask()
    return statistics.median(_seconds(ask) for _ in range(TICKS))


def _seconds(ask: Callable[[], object]) -> float:
    begun = time.process_time()
    ask()
    return time.process_time() - begun


def our_runs(sources: Sequence[Source]) -> Iterator[Stored]:
    """Two days of every source, an hour apart, and of the tables over all days; the oldest first."""
    labelled = {REPOSITORY_TAG: OURS}
    for hours in range(OUR_HOURS, 0, -1):
        at = NOW - timedelta(hours=hours)
        tags = {**range_tags(DayRange(at.date(), at.date())), **labelled}
        for source in sources:
            page = frozenset({dg.AssetKey([source.name, "raw_runs"])})
            yield _row(source.job_name, SUCCESS, tags), at
            if hours % 12 == 0:
                yield _row(ASSET_PAGE_JOB, SUCCESS, tags, page), at
            yield _row(source.checks_job_name, SUCCESS, labelled), at
        yield _row(REFRESH_VERDICTS, SUCCESS, labelled), at


def _foreign_runs(count: int) -> Iterator[Stored]:
    """Of ten days, the oldest first."""
    assets, tags = frozenset({dg.AssetKey(["theirs", "orders"])}), {REPOSITORY_TAG: THEIRS}
    for number in range(count):
        job = ASSET_PAGE_JOB if number % 5 < 2 else f"their_job_{number % 5}"
        status = UNFINISHED[number % 2] if number % 20 < 2 else FAILURE if number % 7 == 0 else SUCCESS
        row = _row(job, status, tags, assets if job == ASSET_PAGE_JOB else None)
        yield row, NOW - timedelta(days=10) * (1 - number / count)


def _row(
    job: str, status: dg.DagsterRunStatus, tags: dict[str, str], assets: frozenset[dg.AssetKey] | None = None
) -> Row:
    run = dg.DagsterRun(job, str(uuid.uuid4()), status=status, tags=tags, asset_selection=assets)
    return run, serialize_value(run)


def write_runs(instance: dg.DagsterInstance, runs: Iterator[Stored]) -> None:
    """What `add_run` writes, thousands of runs to a transaction."""
    while batch := list(islice(runs, BATCH)):
        tags = [
            {"run_id": run.run_id, "key": key, "value": value}
            for (run, _), _ in batch
            for key, value in run.tags.items()
        ]
        storage = instance.run_storage
        if not isinstance(storage, SqlRunStorage):
            raise TypeError("the measured instance keeps its runs in SQLite")
        with storage.connect() as connection:
            connection.execute(RunsTable.insert(), [_columns(*row, created_at) for row, created_at in batch])
            connection.execute(RunTagsTable.insert(), tags)


def _columns(run: dg.DagsterRun, body: str, created_at: datetime) -> dict[str, object]:
    is_over = run.status in {SUCCESS, FAILURE}
    return {
        "run_id": run.run_id,
        "pipeline_name": run.job_name,
        "status": run.status.value,
        "run_body": body,
        "create_timestamp": created_at.replace(tzinfo=None),
        "update_timestamp": created_at.replace(tzinfo=None),
        "start_time": created_at.timestamp(),
        "end_time": created_at.timestamp() + 60 if is_over else None,
    }


if __name__ == "__main__":
    print(json.dumps({"medians": medians(int(sys.argv[1]))}))  # noqa: T201
