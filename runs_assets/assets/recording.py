"""What Dagster is told of a table's days and rows.

A run may cover one day or a range (`BackfillPolicy.single_run`). In a range each day is logged as soon as it is
durable, so that a crash keeps the finished days; the same metadata goes with the event that Dagster itself emits at
the end, which would otherwise hide it.
"""

import ctypes
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from runs_assets.days import DayRange, iso
from runs_assets.errors import OutOfReachError, RunsAssetsError, UnavailableError
from runs_assets.instance.run_tags import days_of_tags
from runs_assets.plain_text.wording import label, rate, short_id
from runs_assets.storage.store import StoredFile

OWNERS = ["team:runs"]
PREVIEW_ROWS = 5
CELL_CHARACTERS = 300
DIGITS = 4
PIPELINE = pa.field("pipeline", pa.string(), metadata={"description": "what people call it: its name, else its id"})


def days_of(context: dg.AssetExecutionContext) -> DayRange:
    """The days that this run is about, also those that are no partition. Raises `dagster.Failure` if there are none."""
    with failing_clearly(context.asset_key.path[-2], "finding the days of the run"):
        if days := days_of_tags(context.run.tags):
            return days
        raise OutOfReachError("The range that was asked for holds no day: its first day must not be after its last.")


def record_days(
    context: dg.AssetExecutionContext, recorded: Iterable[tuple[date, Mapping[str, Any]]]
) -> dg.MaterializeResult[None]:
    """Work through `recorded`, which makes a day durable and then yields it with its metadata."""
    is_range = len(days_of(context)) > 1
    for day, metadata in recorded:
        key = day.isoformat()
        if is_range:
            context.log_event(
                dg.AssetMaterialization(asset_key=context.asset_key, partition=key, metadata=dict(metadata))
            )
        context.add_asset_metadata(dict(metadata), partition_key=key)
        # Arrow keeps what a day needed; the next day, or the next asset, may need it in other pieces.
        pa.default_memory_pool().release_unused()
    # So does glibc, for each thread; other C libraries have no such function.
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return dg.MaterializeResult()


@contextmanager
def failing_clearly(source: str, doing: str, **metadata: str) -> Iterator[None]:
    """Turn this project's errors into a `dagster.Failure`: one paragraph that names the source and what it did.

    Its metadata has the error's class as `kind`, the instant until which the API asked to wait as `retry_at`, and what
    else is given.
    """
    try:
        yield
    except RunsAssetsError as error:
        if isinstance(error, UnavailableError) and error.retry_at:
            metadata["retry_at"] = iso(error.retry_at)
        raise dg.Failure(
            description=f"{source}: {doing} failed. {error}",
            metadata={"kind": type(error).__name__, **metadata},
            allow_retries=False,
        ) from error


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """A schema as Dagster shows it, with each field's description."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=str(field.type),
                description=(field.metadata or {}).get(b"description", b"").decode() or None,
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )


def file_metadata(file: StoredFile) -> dict[str, Any]:
    """Where a data file is."""
    return {"dagster/uri": file.uri, "path": dg.MetadataValue.path(str(file))}


def preview(table: pa.Table, rows: int = PREVIEW_ROWS, names: Mapping[str, str] | None = None) -> dg.TableMetadataValue:
    """The first rows as people read them: what a pipeline is called comes first, and its id last.

    Its name is in the table, or in `names` by its id. Empty columns are left out, long texts cut; rates are in percent,
    times are UTC to the minute. Of a UUID the first eight digits are enough for people.
    """
    head = _by_name(table.slice(0, rows), names or {})
    shown = [name for name in head.column_names if head[name].null_count < head.num_rows]
    head = head.select(shown)
    records = [dg.TableRecord({name: _cell(name, value) for name, value in row.items()}) for row in head.to_pylist()]
    return dg.MetadataValue.table(records, schema=column_schema(head.schema))


def _by_name(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    if "pipeline_id" not in table.column_names:
        return table
    ids = table["pipeline_id"].to_pylist()
    known = [names.get(one or "") for one in ids]
    if "pipeline_name" in table.column_names:
        known = table["pipeline_name"].to_pylist()
    called = pa.array([label(*one) for one in zip(ids, known, strict=True)], pa.string())
    others = table.drop_columns([name for name in ("pipeline_id", "pipeline_name") if name in table.column_names])
    id_field = table.schema.field("pipeline_id")
    return others.add_column(0, PIPELINE, called).append_column(id_field, pa.array(map(short_id, ids), pa.string()))


def _cell(name: str, value: Any) -> str | int | float | bool:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return rate(value) if "rate" in name.split("_") else float(f"{value:.{DIGITS}g}")
    if isinstance(value, int | bool):
        return value
    return "" if value is None else str(value)[:CELL_CHARACTERS]
