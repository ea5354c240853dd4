"""A source's four daily assets: `raw_runs` reads the API, the tables after it are built from the files alone."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from runs_assets.assets.recording import (
    OWNERS,
    PREVIEW_ROWS,
    column_schema,
    days_of,
    failing_clearly,
    file_metadata,
    preview,
    record_days,
)
from runs_assets.daily.runs import open_run_ids
from runs_assets.daily.table import BuiltDay, DailyTable, build_days
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.days import iso
from runs_assets.errors import RequestRefusedError
from runs_assets.insight.names import pipeline_names
from runs_assets.resources import api_of, keys_of_shared, shared_resources
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS

if TYPE_CHECKING:
    from runs_assets.reading.request import ReadingRequest, RunsClient, SingleRunClient, StoredDay

RAW_VERSION = "1"
MOST_ROWS = 25
"""Of a table whose first rows are the ones to look at."""
RAW_RUNS_DESCRIPTION = (
    "Every run created on a UTC day, as the API last showed it, without sensitive fields: a JSON line each, with the "
    "time of its observation. Reads the API and merges by id; the latest observation wins."
)


class RawRunsConfig(dg.Config):
    """How a run reads its days."""

    only_open_runs: bool = Field(
        default=False,
        description="Ask only for the runs that were open when the day was read last, each by its id.",
    )


def daily_partitions(first_day: date) -> dg.DailyPartitionsDefinition:
    """UTC days of the runs' creation, from `first_day` to today, both inclusive, keyed `YYYY-MM-DD`."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)


def daily_assets(source: Source, partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """`<source>/raw_runs`, `<source>/runs`, `<source>/run_status_counts` and `<source>/failure_rates`."""
    asset = partial(
        dg.asset,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=source.full_name,
        owners=OWNERS,
        required_resource_keys={source.full_name, *keys_of_shared(source.names)},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of the backfill policy, in every process that loads this
        return [_raw_runs(source, asset), *(_table(table, source, asset) for table in DAILY_TABLES)]


def _raw_runs(source: Source, asset: Callable[..., Any]) -> dg.AssetsDefinition:
    def raw_runs(context: dg.AssetExecutionContext, config: RawRunsConfig) -> dg.MaterializeResult[None]:
        from runs_assets.reading.open_runs import read_open_runs
        from runs_assets.reading.request import ReadingRequest
        from runs_assets.reading.whole_days import read_days

        days = days_of(context)
        api = api_of(context.resources, source)
        data_folder, clock = shared_resources(context.resources, source.names)
        with (
            failing_clearly(source.name, f"reading {days}", settings=api.fingerprint),
            data_folder.writing(source.name, context.log.info) as layout,
            api.client(source.name, layout, clock.now) as client,
        ):
            id_field, report = source.shape.id_field, context.log.info
            request = ReadingRequest(source.name, id_field, days, layout, clock.now, report)
            if config.only_open_runs:
                open_ids = partial(open_run_ids, layout, source.name)
                stored_days = read_open_runs(_asking_by_id(client), request, open_ids)
            else:
                retention, windows = api.capabilities.retention, api.capabilities.windows
                stored_days = read_days(client, request, data_folder.first_day, retention, windows=windows)
            with closing(stored_days):
                recorded = ((stored.day, _raw_metadata(stored, request, client)) for stored in stored_days)
                return record_days(context, recorded)

    made: dg.AssetsDefinition = asset(
        key=source.path(RAW_RUNS),
        kinds={source.platform, "json"},
        code_version=RAW_VERSION,
        description=RAW_RUNS_DESCRIPTION,
        metadata={"files": _files(RAW_RUNS, source)},
    )(raw_runs)
    return made


def _asking_by_id(client: "RunsClient") -> "SingleRunClient":
    from runs_assets.reading.request import SingleRunClient

    if not isinstance(client, SingleRunClient):
        raise RequestRefusedError("This platform cannot be asked for a single run. Set only_open_runs to false.")
    return client


def _raw_metadata(stored: "StoredDay", request: "ReadingRequest", client: "RunsClient") -> Mapping[str, Any]:
    start, end = stored.window
    notes = {"notes": " ".join(stored.notes)} if stored.notes else {}
    return {
        "dagster/partition_row_count": stored.raw.rows,
        **file_metadata(request.files(stored.day).file(RAW_RUNS)),
        "api": client.base_url,
        "read_id": stored.raw.read.read_id,
        "read_started_at": dg.MetadataValue.timestamp(stored.raw.read.read_started_at),
        "window": f"{iso(start)} to {iso(end)}",
        "complete": stored.raw.read.complete,
        "requests": stored.requests,
        "no_longer_shown": stored.raw.retained,
        "quarantined": stored.quarantined,
        **notes,
    }


def _table(table: DailyTable, source: Source, asset: Callable[..., Any]) -> dg.AssetsDefinition:
    def built(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        days = days_of(context)
        data_folder, _ = shared_resources(context.resources, source.names)
        with (
            failing_clearly(source.name, f"building {table.name} of {days}"),
            data_folder.writing(source.name, context.log.info) as layout,
        ):
            names = pipeline_names(layout, source.name)
            built_days = build_days(table, source, days, layout, data_folder.rules)
            return record_days(context, ((built.day, _table_metadata(table, built, names)) for built in built_days))

    made: dg.AssetsDefinition = asset(
        key=source.path(table.name),
        deps=[source.path(table.built_from)],
        kinds={"parquet"},
        code_version=table.code_version(source),
        description=table.description,
        metadata={"files": _files(table.name, source), "dagster/column_schema": column_schema(table.schema)},
    )(built)
    return made


def _table_metadata(table: DailyTable, built: BuiltDay, names: Mapping[str, str]) -> Mapping[str, Any]:
    """What people want to know first: the day's numbers, which Dagster plots by day, and its first rows."""
    read = built.lineage.read
    return {
        **built.headline,
        **_shown(table, built, names),
        "complete": read.complete,
        "open_runs": built.lineage.open_runs,
        "settled": built.lineage.settled,
        "read_started_at": dg.MetadataValue.timestamp(read.read_started_at),
        "read_id": read.read_id,
        "dagster/partition_row_count": built.rows,
        **file_metadata(built.file),
    }


def _shown(table: DailyTable, built: BuiltDay, names: Mapping[str, str]) -> Mapping[str, Any]:
    """The first rows, and of how many: all of them for most projects where the table says which come first."""
    rows, most = built.first_rows, PREVIEW_ROWS
    if table.preview_order:
        rows, most = rows.sort_by(list(table.preview_order)), MOST_ROWS
    columns = [*(["pipeline_id"] if table.preview else []), *(table.preview or rows.column_names)]
    shown = min(most, built.rows)
    return {"preview": preview(rows.select(columns), most, names), "preview_rows": f"{shown} of {built.rows}"}


def _files(data_set: str, source: Source) -> str:
    return f"<RUNS_ASSETS_DATA>/{data_set}/source={source.name}/date=<day>/"
