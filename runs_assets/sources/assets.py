"""The two daily assets in which a source differs from others: `raw_runs` reads its API, `runs` normalizes the rows."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from runs_assets.days import DayRange, iso
from runs_assets.errors import DamagedFileError, RequestRefusedError, StorageError
from runs_assets.materializing import (
    OWNERS,
    days_of,
    definition_metadata,
    failing_clearly,
    record_days,
    table_metadata,
)
from runs_assets.resources import Clock, DataFolder
from runs_assets.schema import RUNS
from runs_assets.settling.abandoned import is_abandoned
from runs_assets.settling.rules import Rules
from runs_assets.sources.open_runs import OpenRunsReading, SingleRunClient
from runs_assets.sources.raw_rows import raw_rows
from runs_assets.sources.reading import DayReading, RunsClient, StoredDay
from runs_assets.sources.source import RunsApi, Source
from runs_assets.storage import layout as data_sets
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import Layout
from runs_assets.storage.raw import blocks, stat_day
from runs_assets.storage.tables import Lineage, store_table

RAW_VERSION = "1"


class RawRunsConfig(dg.Config):
    """How a run reads its days."""

    only_open_runs: bool = Field(
        default=False,
        description="Ask only for the runs that were open when the day was read last, each by its id.",
    )


def raw_runs_asset(source: Source, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """`<source>/raw_runs`: the runs of each day as the API last showed them, merged with what the day already held."""

    @dg.asset(
        key=[source.name, data_sets.RAW_RUNS],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=source.name,
        kinds={source.platform, "json"},
        owners=OWNERS,
        code_version=RAW_VERSION,
        description=(
            f"Every run that {source.name} showed of a UTC day of creation, as JSON lines without sensitive fields, "
            "each with the time of its observation. Asks the API; merges by id, the latest observation wins."
        ),
        metadata=definition_metadata(data_sets.RAW_RUNS, source.name),
        required_resource_keys={source.name, "data_folder", "clock"},
    )
    def raw_runs(context: dg.AssetExecutionContext, config: RawRunsConfig) -> dg.MaterializeResult[None]:
        days = days_of(context)
        api: RunsApi = getattr(context.resources, source.name)
        data_folder: DataFolder = context.resources.data_folder
        clock: Clock = context.resources.clock
        with (
            failing_clearly(source.name, f"reading {days}", settings=api.fingerprint),
            data_folder.writing(source.name, context.log.info) as layout,
            api.client(source.name, layout, clock.now) as client,
        ):
            read_id = str(uuid.uuid4())
            reading: DayReading | OpenRunsReading
            if config.only_open_runs:
                reading = OpenRunsReading(_asking_by_id(client), source.name, days, layout, read_id, clock.now)
            else:
                reading = DayReading(
                    client=client,
                    source=source.name,
                    days=days,
                    layout=layout,
                    first_day=data_folder.first_day,
                    retention=api.capabilities.retention,
                    read_id=read_id,
                    clock=clock.now,
                    say=context.log.info,
                )
            return record_days(context, ((stored.day, _raw_metadata(stored, reading)) for stored in reading))

    return raw_runs


def _asking_by_id(client: RunsClient) -> SingleRunClient:
    if not isinstance(client, SingleRunClient):
        raise RequestRefusedError("This platform cannot be asked for a single run. Set only_open_runs to false.")
    return client


def _raw_metadata(stored: StoredDay, reading: DayReading | OpenRunsReading) -> Mapping[str, Any]:
    path = reading.layout.day_file(data_sets.RAW_RUNS, reading.source, stored.day)
    start, end = stored.window
    notes = {"notes": " ".join(stored.notes)} if stored.notes else {}
    return {
        "dagster/partition_row_count": stored.raw.rows,
        "dagster/uri": path.as_uri(),
        "path": dg.MetadataValue.path(path),
        "api": reading.client.base_url,
        "read_id": stored.raw.read.read_id,
        "read_started_at": dg.MetadataValue.timestamp(stored.raw.read.read_started_at),
        "window": f"{iso(start)} to {iso(end)}",
        "complete": stored.raw.read.complete,
        "requests": stored.requests,
        "no_longer_shown": stored.raw.retained,
        "quarantined": stored.quarantined,
        **notes,
    }


def runs_asset(source: Source, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """`<source>/runs`: the day's runs in the columns that all sources share, built from the raw file alone."""

    @dg.asset(
        key=[source.name, data_sets.RUNS],
        deps=[[source.name, data_sets.RAW_RUNS]],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=source.name,
        kinds={"parquet"},
        owners=OWNERS,
        code_version=source.normalizer_version,
        description=(
            f"The runs of {source.name} created on a UTC day, one row each, in the columns that all sources share. "
            "Built from the raw file without asking the API, for any day stored, however long ago."
        ),
        metadata=definition_metadata(data_sets.RUNS, source.name, RUNS),
    )
    def runs(context: dg.AssetExecutionContext, data_folder: DataFolder) -> dg.MaterializeResult[None]:
        days = days_of(context)
        with (
            failing_clearly(source.name, f"normalizing {days}"),
            data_folder.writing(source.name, context.log.info) as layout,
        ):
            return record_days(context, normalized_days(source, days, layout, data_folder.rules))

    return runs


def normalized_days(
    source: Source, days: DayRange, layout: Layout, rules: Rules
) -> Iterator[tuple[date, Mapping[str, Any]]]:
    """Build each day's `runs` file from its raw file, oldest day first; yields the day and its metadata.

    Raises `StorageError` at the end, naming the days that have no raw file, or none that can be read, after all others
    are done.
    """
    missing, damaged = [], []
    for day in reversed(days.newest_first()):
        if not is_stored(layout.day_file(data_sets.RAW_RUNS, source.name, day)):
            missing.append(str(day))
            continue
        try:
            table, lineage = normalized(source, day, layout, rules)
        except DamagedFileError as error:
            damaged.append(f"{day} ({error.path}: {error.why})")
            continue
        stored = store_table(layout, data_sets.RUNS, source.name, day, table, lineage)
        abandoned: int = pc.sum(is_abandoned(table, lineage.read, rules)).as_py() or 0
        yield day, {**table_metadata(table, stored, lineage), "abandoned_runs": abandoned}
    if missing or damaged:
        raise StorageError(_what_lacks(source.name, missing, damaged))


def _what_lacks(source: str, missing: list[str], damaged: list[str]) -> str:
    absent = (
        f"There are no raw runs for {', '.join(missing)}. Materialize {source}/raw_runs for these days first. "
        if missing
        else ""
    )
    unreadable = (
        f"The raw files of {', '.join(damaged)} are damaged. Materialize {source}/raw_runs for these days again, if "
        "the API still has them: what can be read of the files is kept. Or restore the files from a backup. "
        if damaged
        else ""
    )
    return f"{absent}{unreadable}Every other day of the range is done."


def normalized(source: Source, day: date, layout: Layout, rules: Rules) -> tuple[pa.Table, Lineage]:
    """A day's rows with schema `RUNS`, and what they were built from."""
    path = layout.day_file(data_sets.RAW_RUNS, source.name, day)
    read = stat_day(path).read
    tables = [source.normalize(raw_rows(lines, source.shape.fields)) for lines in blocks(path)]
    table = pa.concat_tables(tables) if tables else RUNS.empty_table()
    ended: int = pc.sum(table["is_terminal"]).as_py() or 0
    open_runs = table.num_rows - ended
    return table, Lineage(read, open_runs, rules.is_settled(day, read, open_runs), source.normalizer_version)
