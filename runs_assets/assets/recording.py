"""How a daily asset works through the days of a run and records each of them in Dagster.

A run may cover one day or a range (`BackfillPolicy.single_run`). In a range each day is logged as soon as it is
durable, so that a crash keeps the finished days; the same metadata goes with the event that Dagster itself emits at
the end, which would otherwise hide it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from runs_assets.days import DayRange
from runs_assets.errors import RunsAssetsError

Recorded = Iterable[tuple[date, Mapping[str, Any]]]


def days_of(context: dg.AssetExecutionContext) -> DayRange:
    """The days that this run is about. Raises `dagster.Failure` if there are none."""
    with failing_clearly(context.asset_key.path[0], "finding the days of the run"):
        return DayRange.of_keys(context.partition_keys)


def record_days(context: dg.AssetExecutionContext, recorded: Recorded) -> dg.MaterializeResult[None]:
    """Work through `recorded`, which makes a day durable and then yields it with its metadata."""
    is_range = len(context.partition_keys) > 1
    for day, metadata in recorded:
        key = day.isoformat()
        if is_range:
            context.log_event(
                dg.AssetMaterialization(asset_key=context.asset_key, partition=key, metadata=dict(metadata))
            )
        context.add_asset_metadata(dict(metadata), partition_key=key)
        # Arrow keeps what a day needed; the next day, or the next asset, may need it in other pieces.
        pa.default_memory_pool().release_unused()
    return dg.MaterializeResult()


@contextmanager
def failing_clearly(source: str, doing: str, **metadata: str) -> Iterator[None]:
    """Turn this project's errors into a `dagster.Failure`: one paragraph that names the source and what it did.

    Its metadata has the error's class as `kind`, and what else is given.
    """
    try:
        yield
    except RunsAssetsError as error:
        raise dg.Failure(
            description=f"{source}: {doing} failed. {error}",
            metadata={"kind": type(error).__name__, **metadata},
            allow_retries=False,
        ) from error
