"""The verdict tables as assets: one step builds them all, from the same state of the daily files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.assets.freshness import freshness_policy
from runs_assets.assets.recording import OWNERS, column_schema, failing_clearly, file_metadata, preview
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.instance.project import Project
from runs_assets.instance.run_tags import SOURCES_TAG
from runs_assets.plain_text.wording import percent
from runs_assets.report.published import PAGE
from runs_assets.resources import keys_of_shared, shared_resources
from runs_assets.settings import project_settings
from runs_assets.storage.layout import RUNS_REPORT, Layout
from runs_assets.tables import PIPELINE_COLUMNS, Table, with_columns
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS, SOURCE
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.tables import VERDICT_TABLES

if TYPE_CHECKING:
    from runs_assets.insight.status import PipelineStatus

PREVIEW_ROWS, MOST_WRONG = 10, 50
NO_BREAK = "\N{NO-BREAK SPACE}"
WRONG_COLUMNS = dg.TableSchema(
    [
        dg.TableColumn(name)
        for name in ("state", "pipeline", "since (UTC)", "24 h (usual)", "why", "source", "failed run")
    ]
)


def verdict_assets(project: Project) -> dg.AssetsDefinition:
    """The assets of the verdict tables, such as `failure_trends` and `pipeline_health`."""
    freshness = freshness_policy()

    @dg.multi_asset(
        name=project.names.of("verdicts"),
        specs=[_spec(table, project, freshness) for table in VERDICT_TABLES],
        check_specs=[_check_spec(project)],
        required_resource_keys=keys_of_shared(project.names),
    )
    def verdicts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from runs_assets.assets.fleet_chart import fleet_chart
        from runs_assets.insight.status import VerdictRows, statuses, worst_first
        from runs_assets.verdicts.refresh import Judge, ask_about_failures

        clock = shared_resources(context.resources, project.names)[1]
        tag = context.run.tags.get(SOURCES_TAG)
        only = [source for source in project.sources if tag is None or source.name in tag.split(",")]
        with failing_clearly("verdicts", "judging the stored days"):
            judge = Judge.of(project_settings())
            for source in only:
                ask_about_failures(source, judge.layout, clock.now, context.log.info)
            refreshed = judge.refresh(project.sources, [source.name for source in only], context.log.info)
            stored = VerdictRows(judge.layout)
            wrong = worst_first(statuses(stored, judge.watch, [source.name for source in project.sources]))
            chart = fleet_chart(stored, judge.watch, project.sources, clock.now())
        overview = {"what is wrong now": _shown(wrong), **chart, **_report(judge.layout, project)}
        for table in VERDICT_TABLES:
            metadata = _metadata(table, refreshed.tables[table.name], overview, judge.layout)
            yield dg.MaterializeResult(asset_key=project.verdict(table.name), metadata=metadata)
        yield _check_result(project, [one for one in wrong if one.is_broken])
        if refreshed.problem:
            raise dg.Failure(refreshed.problem, allow_retries=False)

    return verdicts


def _spec(table: Table, project: Project, freshness: dg.FreshnessPolicy | None) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=project.verdict(table.name),
        deps=[source.path(dataset) for source in project.sources for dataset in (RUNS.name, FAILURE_RATES.name)],
        description=table.description,
        metadata={
            "files": f"<RUNS_ASSETS_DATA>/{table.name}/part-0.parquet",
            # Not as `dagster/column_schema`: the asset's page would begin with it, and end with what the rows say.
            "columns": column_schema(table.schema),
        },
        freshness_policy=freshness,
        group_name=project.names.of("verdicts"),
        kinds={"parquet"},
        owners=OWNERS,
        code_version=table.version,
    )


def _check_spec(project: Project) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        "no_pipeline_is_down",
        asset=project.verdict(PIPELINE_HEALTH.name),
        description="No pipeline is down, never succeeded, stuck or silent, and no source is in trouble as a whole.",
        blocking=False,
    )


def _check_result(project: Project, broken: "Sequence[PipelineStatus]") -> dg.AssetCheckResult:
    count = "1 pipeline or source does" if len(broken) == 1 else f"{len(broken)} pipelines or sources do"
    return dg.AssetCheckResult(
        asset_key=project.verdict(PIPELINE_HEALTH.name),
        check_name=_check_spec(project).name,
        passed=not broken,
        # A warning leaves the asset green in the lineage graph.
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{count} not work.",
        metadata={"broken": _shown(broken)} if broken else {},
    )


def _metadata(table: Table, rows: pa.Table, overview: Mapping[str, Any], layout: Layout) -> Mapping[str, Any]:
    """What a person looks for first: of `pipeline_health` the `overview`, of other tables their first rows."""
    first = {**overview, **_states(rows)} if table is PIPELINE_HEALTH else {"preview": _preview(table, rows)}
    return {**first, "dagster/row_count": rows.num_rows, **file_metadata(layout.verdict_file(table.name))}


def _report(layout: Layout, project: Project) -> Mapping[str, Any]:
    """Where the report is: on Dagster's page, and as a file. A browser opens no file from a page of a server."""
    page = layout.report_file(PAGE)
    return {
        "report": dg.MetadataValue.asset(project.verdict(RUNS_REPORT)),
        "report file": dg.MetadataValue.path(str(page)),
    }


def _states(rows: pa.Table) -> Mapping[str, int]:
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(rows["state"]).to_pylist()}
    return {state.value: counts[state] for state in PipelineState if state in counts}


def _preview(table: Table, rows: pa.Table) -> dg.TableMetadataValue:
    about = [field.name for field in PIPELINE_COLUMNS if field.name in table.schema.names]
    shown = rows.sort_by(list(table.preview_order)) if table.preview_order else rows
    if table is FAILURE_TRENDS:
        is_whole = pc.equal(shown["scope"], SOURCE)
        shown = with_columns(shown, pipeline_name=pc.if_else(is_whole, "(all pipelines)", shown["pipeline_name"]))
    return preview(shown.select([*about, *table.preview]), PREVIEW_ROWS)


def _shown(wrong: "Sequence[PipelineStatus]") -> dg.TableMetadataValue:
    """Worst first, in columns that fit a page; what matters least comes last, where a narrow page cuts it off."""
    rows = [
        {
            "state": one.state,
            "pipeline": one.pipeline,
            "since (UTC)": f"{one.since:%Y-%m-%d %H:%M}" if one.since else "",
            "24 h (usual)": _against_usual(one),
            "why": one.why,
            "source": one.source,
            "failed run": one.run_id or "",
        }
        for one in wrong[:MOST_WRONG]
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema=WRONG_COLUMNS)


def _against_usual(one: "PipelineStatus") -> str:
    """Its parts stay on one line."""
    return f"{percent(one.failure_rate_24h)} ({percent(one.usual_rate)})".replace(" ", NO_BREAK)
