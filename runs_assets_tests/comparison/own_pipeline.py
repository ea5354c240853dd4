"""This project without Dagster: what its sensor would ask for is read, and the tables are built from that."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import pyarrow.dataset as ds

from runs_assets.daily.runs import open_run_ids
from runs_assets.daily.table import build_days
from runs_assets.daily.tables import DAILY_TABLES, code_versions, ledger_of
from runs_assets.days import DayRange
from runs_assets.errors import RunsAssetsError
from runs_assets.reading.open_runs import read_open_runs
from runs_assets.reading.request import ReadingRequest, RunsClient, SingleRunClient, StoredDay
from runs_assets.reading.whole_days import read_days
from runs_assets.resources import DataFolder
from runs_assets.sandbox import FrozenClock
from runs_assets.settling.attempts import Waits
from runs_assets.settling.due import Request, Work, due_days, next_request
from runs_assets.settling.state import day_states
from runs_assets.sources.source import Source
from runs_assets_tests.comparison.outcome import Held, to_the_second
from runs_assets_tests.files_on_disk import folder_of

MOST_REQUESTS = 10
"""How often one reading may ask for more: the past and today are not read at once."""


@dataclass(frozen=True)
class OwnPipeline:
    """A source in the data folder of the settings, from `first_day` on."""

    source: Source
    clock: FrozenClock
    first_day: date

    def run(self) -> bool:
        """Read what is due; returns whether nothing failed."""
        try:
            for _ in range(MOST_REQUESTS):
                if (asked := self._due()) is None:
                    return True
                self._do(asked)
        except RunsAssetsError:
            return False
        raise RuntimeError(f"more than {MOST_REQUESTS} requests at {self.clock.now}")

    def held(self) -> list[Held]:
        """What the table `runs` holds; nothing if there is none yet."""
        folder = folder_of(DataFolder().layout) / "runs"
        if not folder.exists():
            return []
        rows = ds.dataset(folder, format="parquet").to_table(["run_id", "raw_status", "finished_at"]).to_pylist()
        return [Held(row["run_id"], row["raw_status"], _seconds(row["finished_at"])) for row in rows]

    def _due(self) -> Request | None:
        folder, now = DataFolder(), self.clock.now
        days = DayRange(self.first_day, now.date()).newest_first()
        versions = code_versions(self.source)
        rows = ledger_of(self.source.name, folder.layout).rows(days)
        states = [*day_states({day: rows[day] for day in days}, versions, folder.rules)]
        return next_request(due_days(states, self.source.api.capabilities, folder.rules, now), now, Waits())

    def _do(self, asked: Request) -> None:
        folder = DataFolder()
        if asked.work is not Work.REBUILD:
            with self.source.api.client(self.source.name, folder.layout, self.clock) as client:
                list(self._read(client, asked))
        for table in DAILY_TABLES:
            list(build_days(table, self.source, asked.days, folder.layout, folder.rules))

    def _read(self, client: RunsClient, asked: Request) -> Iterator[StoredDay]:
        layout, id_field = DataFolder().layout, self.source.shape.id_field
        request = ReadingRequest(self.source.name, id_field, asked.days, layout, self.clock, lambda _line: None)
        if asked.work is Work.READ_OPEN_RUNS and isinstance(client, SingleRunClient):
            return read_open_runs(client, request, partial(open_run_ids, layout, self.source.name))
        return read_days(client, request, self.first_day, self.source.api.capabilities.retention)


def _seconds(instant: datetime | None) -> datetime | None:
    return instant and to_the_second(instant)
