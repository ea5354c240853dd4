"""The tables over all days and sources as assets: one step builds them all, from one look at the files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.assets.metadata import OWNERS, column_schema, file_metadata, preview
from runs_assets.assets.recording import failing_clearly
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.instance.run_tags import SOURCES_TAG
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage import layout as data_sets
from runs_assets.storage.layout import VERDICTS
from runs_assets.tables import PIPELINE_COLUMNS
from runs_assets.verdicts.judging import SCHEMAS
from runs_assets.verdicts.platform_details import ask_about_failures
from runs_assets.verdicts.refresh import VERSION, Judge, Refreshed
from runs_assets.verdicts.states import State

PREVIEW_ROWS = 10
PREVIEWS: Mapping[str, tuple[list[str], list[tuple[str, str]]]] = {
    data_sets.FAILURE_TRENDS: (
        ["period", "date", "decided", "failed", "failure_rate", "baseline_rate", "q_value", "verdict"],
        [("period", "descending"), ("p_value", "ascending")],
    ),
    data_sets.OUTAGES: (
        ["failing_since", "failures", "ended_at", "is_confirmed", "alert_after", "sites_affected", "latest_run_id"],
        [("failing_since", "descending")],
    ),
    data_sets.SILENCES: (["kind", "basis", "since", "expected_by", "ended_at", "state"], [("since", "descending")]),
    data_sets.HANGING_RUNS: (
        ["run_id", "status", "open_since", "open_seconds", "limit_seconds"],
        [("open_seconds", "descending")],
    ),
    data_sets.FAILURE_REASONS: (
        ["date", "reason", "category", "side", "runs", "is_new", "example_run_id"],
        [("date", "descending"), ("runs", "descending")],
    ),
    data_sets.PIPELINE_HEALTH: (
        [
            "state",
            "since",
            "failures",
            "failure_rate_24h",
            "normal_rate",
            "reason",
            "last_success_at",
            "source_read_until",
        ],
        [],
    ),
}
"""Which columns of a table are shown in Dagster, after those of `PIPELINE_COLUMNS`, and in which order its rows."""
DESCRIPTIONS = {
    data_sets.FAILURE_TRENDS: (
        "How often each pipeline failed by the day, the week, the month and in the last 24 hours, and whether that is "
        "worse than usual."
    ),
    data_sets.OUTAGES: "Every stretch of three or more failures without a success between, and which are no bad luck.",
    data_sets.SILENCES: "Pipelines that should have run and did not, or that did not succeed for far too long.",
    data_sets.HANGING_RUNS: "Open runs that have been open for much longer than their pipeline's successes take.",
    data_sets.FAILURE_REASONS: "Why runs failed, by pipeline and day, and whose matter that is.",
    data_sets.PIPELINE_HEALTH: "One row per pipeline: its state, since when, and the numbers behind it.",
}


def verdict_assets(sources: Sequence[Source]) -> dg.AssetsDefinition:
    """The assets `failure_trends`, `outages`, `silences`, `hanging_runs`, `failure_reasons` and `pipeline_health`."""

    @dg.multi_asset(
        name="verdicts",
        specs=[_spec(table, sources) for table in VERDICTS],
        required_resource_keys={"data_folder", "clock"},
    )
    def verdicts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        data_folder: DataFolder = context.resources.data_folder
        clock: Clock = context.resources.clock
        only = _chosen(context.run.tags.get(SOURCES_TAG), sources)
        with failing_clearly("verdicts", "judging the stored days"):
            judge = Judge.of(project_settings())
            for source in only:
                ask_about_failures(source, judge.layout, clock.now, context.log.info)
            refreshed = judge.refresh(sources, [source.name for source in only], context.log.info)
        for table in VERDICTS:
            yield dg.MaterializeResult(asset_key=table, metadata=_metadata(table, refreshed, data_folder))
        if refreshed.problem:
            raise dg.Failure(refreshed.problem, allow_retries=False)

    return verdicts


def _spec(table: str, sources: Sequence[Source]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=table,
        deps=[[source.name, dataset] for source in sources for dataset in (RUNS.name, FAILURE_RATES.name)],
        description=DESCRIPTIONS[table],
        metadata={
            "files": f"<RUNS_ASSETS_DATA>/{table}/part-0.parquet",
            "dagster/column_schema": column_schema(SCHEMAS[table]),
        },
        group_name="verdicts",
        kinds={"parquet"},
        owners=OWNERS,
        code_version=VERSION,
    )


def _chosen(tag: str | None, sources: Sequence[Source]) -> list[Source]:
    return [source for source in sources if tag is None or source.name in tag.split(",")]


def _metadata(table: str, refreshed: Refreshed, data_folder: DataFolder) -> Mapping[str, Any]:
    rows = refreshed.tables[table]
    path = data_folder.layout.verdict_file(table)
    metadata: dict[str, Any] = {
        "dagster/row_count": rows.num_rows,
        **file_metadata(path),
        "preview": preview(_shown(table, rows), PREVIEW_ROWS),
    }
    return metadata | (_states(rows) if table == data_sets.PIPELINE_HEALTH else {})


def _shown(table: str, rows: pa.Table) -> pa.Table:
    columns, order = PREVIEWS[table]
    if table == data_sets.PIPELINE_HEALTH:
        urgency = pc.index_in(rows["state"], value_set=pa.array(list(State)))
        rows = rows.take(pc.sort_indices(urgency))
    about = [field.name for field in PIPELINE_COLUMNS]
    return (rows.sort_by(order) if order else rows).select([*about, *columns])


def _states(health: pa.Table) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(health["state"]).to_pylist()}
