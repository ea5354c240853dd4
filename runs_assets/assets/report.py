"""The report as an asset: a step of its own after the verdict tables, so that they stand also if it fails."""

import dagster as dg

from runs_assets.assets.freshness import freshness_policy
from runs_assets.assets.recording import OWNERS, failing_clearly, file_metadata
from runs_assets.instance.project import Project
from runs_assets.plain_text.wording import at
from runs_assets.report.published import DESCRIPTION, PAGE, VERSION
from runs_assets.resources import keys_of_shared, shared_resources
from runs_assets.settings import project_settings
from runs_assets.storage.layout import RUNS_REPORT
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets.watch_file import load_watch_file


def report_asset(project: Project) -> dg.AssetsDefinition:
    """The asset `runs_report`."""

    @dg.asset(
        key=project.verdict(RUNS_REPORT),
        deps=[project.verdict(table.name) for table in VERDICT_TABLES],
        description=DESCRIPTION,
        metadata={"files": f"<RUNS_ASSETS_DATA>/{RUNS_REPORT}/{PAGE}"},
        group_name=project.names.of("verdicts"),
        kinds={"html"},
        owners=OWNERS,
        freshness_policy=freshness_policy(),
        code_version=VERSION,
        required_resource_keys=keys_of_shared(project.names),
    )
    def runs_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from runs_assets.report.publishing import fleet_by_settings, publish

        data_folder, clock = shared_resources(context.resources, project.names)
        with failing_clearly(RUNS_REPORT, "writing the report"):
            watch = load_watch_file(project_settings().watch_file)
            fleet = fleet_by_settings(data_folder.layout, watch, project.sources, clock.now())
            page = publish(data_folder.layout, fleet)
            entry = page.entry()
        wrong = sum(len(source.status.wrong) for source in fleet.sources if source.status)
        return dg.MaterializeResult(
            metadata={
                **file_metadata(page),
                **({"size (kB)": round(entry.size / 1000)} if entry else {}),
                "as of": at(fleet.as_of),
                "what is wrong now": wrong,
            }
        )

    return runs_report
