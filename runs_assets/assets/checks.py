"""The facts of a source as asset checks: judged in one step, on the stored files, whichever days the run is about."""

from collections.abc import Iterator

import dagster as dg

from runs_assets.assets.metadata import preview
from runs_assets.assets.recording import failing_clearly
from runs_assets.checks.facts import FACTS, Fact
from runs_assets.checks.finding import SAMPLE_ROWS, Finding
from runs_assets.checks.history import History
from runs_assets.checks.look import Look
from runs_assets.days import DayRange
from runs_assets.instance.run_tags import days_of_tags
from runs_assets.instance.unfinished_runs import run_in_flight
from runs_assets.resources import Clock, DataFolder
from runs_assets.settling.reach import Reach
from runs_assets.settling.state import Versions
from runs_assets.sources.source import RunsApi, Source


def source_checks(source: Source, versions: Versions) -> dg.AssetChecksDefinition:
    """The checks of a source's four assets; none blocks. `versions` are the present code versions of its tables.

    They judge all days in reach, so that a good day never hides an older one, and make no request to the API.
    """

    @dg.multi_asset_check(
        name=f"{source.name}__checks",
        specs=[_spec(fact, source) for fact in FACTS],
        description=f"Judges the stored files of all days in reach of {source.name}.",
        required_resource_keys={source.name, "data_folder", "clock"},
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with failing_clearly(source.name, "judging the stored days"):
            history = _history(context, source, versions)
        for fact in FACTS:
            if dg.AssetCheckKey(_asset_key(fact, source), fact.name) in context.selected_asset_check_keys:
                yield _result(fact, source, fact.judge(history), history)

    return checks


def _history(context: dg.AssetCheckExecutionContext, source: Source, versions: Versions) -> History:
    """Raises `SettingsError` if a setting cannot be used, `StorageError` if the data folder cannot be looked at."""
    data_folder: DataFolder = context.resources.data_folder
    clock: Clock = context.resources.clock
    api: RunsApi = getattr(context.resources, source.name)
    now, layout, retention = clock.now(), data_folder.layout, api.capabilities.retention
    look = Look(layout, source.name, versions, data_folder.rules)
    being_read = _being_read(context, source, clock, data_folder)
    found = look.at_days(Reach(now, data_folder.first_day, retention).days)
    return History(source.name, now, found, retention, look.repeated(found), being_read)


def _being_read(
    context: dg.AssetCheckExecutionContext, source: Source, clock: Clock, data_folder: DataFolder
) -> DayRange | None:
    """The days that another run is at work on at this moment."""
    run = run_in_flight(context.instance, source, data_folder.layout, clock.now())
    return days_of_tags(run.tags) if run and run.run_id != context.run.run_id else None


def _spec(fact: Fact, source: Source) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(fact.name, asset=_asset_key(fact, source), description=fact.means, blocking=False)


def _result(fact: Fact, source: Source, finding: Finding, history: History) -> dg.AssetCheckResult:
    sample = {"sample": preview(finding.sample, SAMPLE_ROWS)} if finding.sample.num_rows else {}
    return dg.AssetCheckResult(
        asset_key=_asset_key(fact, source),
        check_name=fact.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity(finding.severity.value),
        description=finding.says,
        metadata={
            "days": len(history.days),
            "runs": history.runs,
            **finding.numbers,
            **finding.wrong,
            **sample,
            "remedy": dg.MetadataValue.text(finding.remedy),
        },
    )


def _asset_key(fact: Fact, source: Source) -> dg.AssetKey:
    return dg.AssetKey([source.name, fact.dataset])
