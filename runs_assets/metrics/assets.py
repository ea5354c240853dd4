"""The daily metrics of a source as assets; what they compute is in the modules beside this one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.days import DayRange
from runs_assets.materializing import (
    OWNERS,
    days_of,
    definition_metadata,
    failing_clearly,
    record_days,
    table_metadata,
)
from runs_assets.metrics import failure_rates, status_counts
from runs_assets.resources import DataFolder
from runs_assets.storage import layout as data_sets
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import load_table, store_table


@dataclass(frozen=True)
class Metric:
    """A table computed from a day's `runs`: from the columns `needs`, and whether the day is settled."""

    dataset: str
    description: str
    version: str
    schema: pa.Schema
    needs: list[str]
    compute: Callable[[pa.Table, bool], pa.Table]
    headline: Callable[[pa.Table], Mapping[str, Any]]

    def code_version(self, normalizer_version: str) -> str:
        """What a day's file says it was built by: the normalizer of its `runs`, and this metric."""
        return f"{normalizer_version}/{self.version}"


def _overall(table: pa.Table) -> Mapping[str, Any]:
    """The day's rate over all pipelines, as numbers that Dagster plots by partition."""
    failed, succeeded = (pc.sum(table[name]).as_py() or 0 for name in ("failed", "succeeded"))
    rate = {"failure_rate": failed / (failed + succeeded)} if failed + succeeded else {}
    return {"failed": failed, "succeeded": succeeded, **rate}


METRICS = (
    Metric(
        dataset=data_sets.RUN_STATUS_COUNTS,
        description="How many runs of a UTC day are in which state, by pipeline. Sums to the day's runs.",
        version="1",
        schema=status_counts.RUN_STATUS_COUNTS,
        needs=status_counts.NEEDS,
        compute=lambda runs, _settled: status_counts.run_status_counts(runs),
        headline=lambda table: {"runs": pc.sum(table["runs"]).as_py() or 0},
    ),
    Metric(
        dataset=data_sets.FAILURE_RATES,
        description="How often each pipeline failed on a UTC day, with a 95 % interval, and how long its runs took.",
        version="1",
        schema=failure_rates.FAILURE_RATES,
        needs=failure_rates.NEEDS,
        compute=lambda runs, settled: failure_rates.failure_rates(runs, is_final=settled),
        headline=_overall,
    ),
)


def table_versions(normalizer_version: str) -> dict[str, str]:
    """The code version that each data set after raw has if it is built by the present code."""
    versions = {metric.dataset: metric.code_version(normalizer_version) for metric in METRICS}
    return {data_sets.RUNS: normalizer_version, **versions}


def metric_assets(source: str, partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets `<source>/run_status_counts` and `<source>/failure_rates`."""
    return [_metric_asset(metric, source, partitions) for metric in METRICS]


def _metric_asset(metric: Metric, source: str, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=[source, metric.dataset],
        deps=[[source, data_sets.RUNS]],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=source,
        kinds={"parquet"},
        owners=OWNERS,
        code_version=metric.version,
        description=metric.description,
        metadata=definition_metadata(metric.dataset, source, metric.schema),
    )
    def computed(context: dg.AssetExecutionContext, data_folder: DataFolder) -> dg.MaterializeResult[None]:
        days = days_of(context)
        with (
            failing_clearly(source, f"computing {metric.dataset} of {days}"),
            data_folder.writing(source, context.log.info) as layout,
        ):
            return record_days(context, computed_days(metric, source, days, layout))

    return computed


def computed_days(
    metric: Metric, source: str, days: DayRange, layout: Layout
) -> Iterator[tuple[date, Mapping[str, Any]]]:
    """Build each day's file of a metric from its `runs` file, oldest first; yields the day and its metadata."""
    for day in reversed(days.newest_first()):
        runs, lineage = load_table(layout, data_sets.RUNS, source, day, metric.needs)
        table = metric.compute(runs, lineage.settled)
        own = replace(lineage, code_version=metric.code_version(lineage.code_version))
        path = store_table(layout, metric.dataset, source, day, table, own)
        yield day, {**table_metadata(table, path, own), **metric.headline(table)}
