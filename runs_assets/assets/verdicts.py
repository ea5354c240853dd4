"""The verdict tables as assets: one step builds them all, from the same state of the daily files."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.assets.recording import OWNERS, column_schema, failing_clearly, file_metadata, preview
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.instance.project import Project
from runs_assets.instance.run_tags import SOURCES_TAG
from runs_assets.resources import DataFolder, keys_of_shared, shared_resources
from runs_assets.settings import project_settings
from runs_assets.tables import PIPELINE_COLUMNS, Table
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.refresh import Judge, ask_about_failures
from runs_assets.verdicts.tables import VERDICT_TABLES

PREVIEW_ROWS = 10


def verdict_assets(project: Project) -> dg.AssetsDefinition:
    """The assets of the verdict tables, such as `failure_trends` and `pipeline_health`."""

    @dg.multi_asset(
        name=project.names.of("verdicts"),
        specs=[_spec(table, project) for table in VERDICT_TABLES],
        required_resource_keys=keys_of_shared(project.names),
    )
    def verdicts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        data_folder, clock = shared_resources(context.resources, project.names)
        tag = context.run.tags.get(SOURCES_TAG)
        only = [source for source in project.sources if tag is None or source.name in tag.split(",")]
        with failing_clearly("verdicts", "judging the stored days"):
            judge = Judge.of(project_settings())
            for source in only:
                ask_about_failures(source, judge.layout, clock.now, context.log.info)
            refreshed = judge.refresh(project.sources, [source.name for source in only], context.log.info)
        for table in VERDICT_TABLES:
            metadata = _metadata(table, refreshed.tables[table.name], data_folder)
            yield dg.MaterializeResult(asset_key=project.verdict(table.name), metadata=metadata)
        if refreshed.problem:
            raise dg.Failure(refreshed.problem, allow_retries=False)

    return verdicts


def _spec(table: Table, project: Project) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=project.verdict(table.name),
        deps=[source.path(dataset) for source in project.sources for dataset in (RUNS.name, FAILURE_RATES.name)],
        description=table.description,
        metadata={
            "files": f"<RUNS_ASSETS_DATA>/{table.name}/part-0.parquet",
            "dagster/column_schema": column_schema(table.schema),
        },
        group_name=project.names.of("verdicts"),
        kinds={"parquet"},
        owners=OWNERS,
        code_version=table.version,
    )


def _metadata(table: Table, rows: pa.Table, data_folder: DataFolder) -> Mapping[str, Any]:
    about = [field.name for field in PIPELINE_COLUMNS if field.name in table.schema.names]
    shown, states = rows, {}
    if table is PIPELINE_HEALTH:
        shown = rows.take(pc.sort_indices(pc.index_in(rows["state"], value_set=pa.array(list(PipelineState)))))
        states = {entry["values"]: entry["counts"] for entry in pc.value_counts(rows["state"]).to_pylist()}
    if table.preview_order:
        shown = rows.sort_by(list(table.preview_order))
    return {
        "dagster/row_count": rows.num_rows,
        **file_metadata(data_folder.layout.verdict_file(table.name)),
        "preview": preview(shown.select([*about, *table.preview]), PREVIEW_ROWS),
        **states,
    }
