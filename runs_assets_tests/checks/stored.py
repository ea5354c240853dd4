"""Days of CloudCruise as the assets store them, without an API; and the checks' verdicts on them, by a real run."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import dagster as dg
import orjson
import pyarrow as pa

from runs_assets.accounts import SOURCES
from runs_assets.daily.table import build_days
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.days import DayRange, end_of
from runs_assets.definitions import definitions_of
from runs_assets.settings import project_settings
from runs_assets.settling.rules import Rules
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk
from runs_assets_tests.project import StoppedClock

CLOUDCRUISE = SOURCES[0]
TODAY = NOW.date()
FIRST = date(2026, 3, 10)
YESTERDAY = TODAY - timedelta(days=1)


def run(run_id: str, day: date, status: str = "execution.success") -> dict[str, str | None]:
    """A row of the API, created at 10:00 of the day."""
    ended = status in {"execution.success", "execution.failed"}
    return {
        "session_id": run_id,
        "status": status,
        "created_at": f"{day}T10:00:00Z",
        "workflow_id": "w",
        "execution_start": f"{day}T10:00:01Z",
        "execution_end": f"{day}T10:00:30Z" if ended else None,
    }


def two_runs(day: date) -> list[dict[str, str | None]]:
    return [run(f"{day}-1", day), run(f"{day}-2", day, "execution.failed")]


@dataclass
class Stored:
    """A data folder whose days are written at will, and a Dagster instance that remembers the verdicts."""

    layout: Layout
    instance: dg.DagsterInstance

    @classmethod
    @contextmanager
    def below(cls, root: Path) -> Iterator[Self]:
        with dg.DagsterInstance.ephemeral() as instance:
            yield cls(Layout(root), instance)

    def copy(self, good_days: Path) -> None:
        """Take over the files of another data folder."""
        shutil.copytree(good_days, folder_of(self.layout))

    def read(
        self, day: date, rows: Sequence[Mapping[str, Any]], at: datetime = NOW, *, is_whole: bool | None = None
    ) -> None:
        """Store a day's raw file as a reading at an instant does."""
        whole = at >= end_of(day) if is_whole is None else is_whole
        with closing(Spool(self.layout.scratch("cloudcruise") / f"{day}.jsonl")) as spool:
            if rows:
                ids = pa.array([str(row["session_id"]) for row in rows])
                spool.append(ids, b"".join([orjson.dumps(row) + b"\n" for row in rows]), at)
            store_day(
                DayFiles(self.layout, "cloudcruise", day),
                spool,
                Read(f"read-{at}", at, at if whole else None),
                "session_id",
            )

    def build(self, day: date) -> None:
        """Build a day's tables from its raw file."""
        days = DayRange(day, day)
        for table in DAILY_TABLES:
            list(build_days(table, CLOUDCRUISE, days, self.layout, Rules.of(project_settings())))

    def store(self, day: date, rows: Sequence[Mapping[str, Any]] | None = None, at: datetime = NOW) -> None:
        self.read(day, two_runs(day) if rows is None else rows, at)
        self.build(day)

    def file(self, dataset: str, day: date) -> Path:
        return on_disk(self.layout.day_file(dataset, "cloudcruise", day))

    def judge(self, source: str = "cloudcruise", at: datetime = NOW) -> dict[str, dg.AssetCheckEvaluation]:
        """The verdicts of the source's own job of checks, by name."""
        job = definitions_of(SOURCES, StoppedClock(at=at.isoformat())).resolve_job_def(f"{source}_checks")
        result = job.execute_in_process(instance=self.instance)
        return {verdict.check_name: verdict for verdict in result.get_asset_check_evaluations()}


def numbers(verdict: dg.AssetCheckEvaluation) -> dict[str, object]:
    """Every number in a verdict's metadata."""
    return {name: value.value for name, value in verdict.metadata.items() if isinstance(value, dg.IntMetadataValue)}


def sample(verdict: dg.AssetCheckEvaluation) -> list[Mapping[str, Any]]:
    """The rows of a verdict's sample."""
    found = verdict.metadata["sample"]
    assert isinstance(found, dg.TableMetadataValue)
    return [record.data for record in found.records]


def flip_a_byte(path: Path, at: int) -> None:
    """Change one bit of a file, as a failing disk does."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
