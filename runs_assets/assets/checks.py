"""A source's asset checks: one step judges the stored files of all days in reach, whichever days the run is about."""

import inspect
from collections.abc import Iterator, Mapping

import dagster as dg
import pyarrow as pa

from runs_assets.assets.recording import failing_clearly, preview
from runs_assets.checks.catalog import CHECKS, Check
from runs_assets.checks.inspection import Inspection
from runs_assets.checks.outcome import SAMPLE_ROWS, Outcome
from runs_assets.checks.stored_days import StoredDays
from runs_assets.daily.tables import ledger_of
from runs_assets.insight.names import pipeline_names
from runs_assets.instance.run_records import Records
from runs_assets.instance.run_tags import days_of_tags
from runs_assets.instance.unfinished_runs import run_in_flight
from runs_assets.resources import api_of, keys_of_shared, shared_resources
from runs_assets.settling.reach import Reach
from runs_assets.settling.state import Versions
from runs_assets.sources.source import Source
from runs_assets.storage.ledger import wrong_days


def source_checks(source: Source, versions: Versions) -> dg.AssetChecksDefinition:
    """The checks of a source's four assets; none blocks. `versions` are the present code versions of its tables.

    They judge all days in reach, so that a good day never hides an older one, and make no request to the API.
    """

    @dg.multi_asset_check(
        name=f"{source.full_name}__checks",
        specs=[_spec(data_set, check, source) for data_set, check in CHECKS],
        description=f"Judges the stored files of all days in reach of {source.name}.",
        required_resource_keys={source.full_name, *keys_of_shared(source.names)},
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        data_folder, clock = shared_resources(context.resources, source.names)
        with failing_clearly(source.name, "judging the stored days"):
            retention = api_of(context.resources, source).capabilities.retention
            inspection = Inspection(data_folder.layout, source.name, versions, data_folder.rules)
            stored = _stored_days(context, source, inspection, Reach(clock.now(), data_folder.first_day, retention))
            names = pipeline_names(inspection.layout, source.name)
        for data_set, check in CHECKS:
            spec = _spec(data_set, check, source)
            if spec.key in context.selected_asset_check_keys:
                yield _result(spec, check(stored), stored, names)

    return checks


def _stored_days(
    context: dg.AssetCheckExecutionContext, source: Source, inspection: Inspection, reach: Reach
) -> StoredDays:
    """What the files hold; the ledger is compared with them. Raises `StorageError` if they cannot be listed."""
    rows, wrong = ledger_of(source.name, inspection.layout).compared()
    if wrong:
        context.log.warning("%s: %s", source.name, wrong_days(wrong))
    run = run_in_flight(Records(context.instance, reach.now), source, inspection.layout)
    being_read = days_of_tags(run.tags) if run and run.run_id != context.run.run_id else None
    days = inspection.of(reach.days, rows, reach.now)
    return StoredDays(
        *(source.name, reach.now, inspection.versions, inspection.rules),
        *(days, reach.retention, inspection.repeated(days), being_read),
    )


def _spec(data_set: str, check: Check, source: Source) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.__name__, asset=source.path(data_set), description=inspect.getdoc(check), blocking=False
    )


def _result(
    spec: dg.AssetCheckSpec, outcome: Outcome, stored: StoredDays, names: Mapping[str, str]
) -> dg.AssetCheckResult:
    rows = pa.Table.from_pylist(outcome.sample[:SAMPLE_ROWS])
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if outcome.is_error else dg.AssetCheckSeverity.WARN,
        description=outcome.summary,
        metadata={
            "days": len(stored.days),
            "runs": stored.run_count,
            **outcome.numbers,
            **outcome.wrong,
            **({"sample": preview(rows, SAMPLE_ROWS, names)} if rows.num_rows else {}),
            "remedy": dg.MetadataValue.text("Nothing to do." if outcome.passed else outcome.remedy),
        },
    )
