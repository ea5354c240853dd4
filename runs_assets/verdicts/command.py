"""What `runs-assets refresh` does."""

from rich.console import Console

from runs_assets.days import utc_now
from runs_assets.errors import StorageError
from runs_assets.settings import project_settings
from runs_assets.storage.layout import PIPELINE_HEALTH
from runs_assets.verdicts.platform_details import ask_about_failures
from runs_assets.verdicts.refresh import Judge
from runs_assets.verdicts.report import health_table


def refresh_and_show(console: Console, *, offline: bool) -> None:
    """Build the tables over all days and sources from the files, and print which pipelines need a look.

    Unless `offline`, the platforms are asked first for names and reasons. Raises `StorageError` if the files of a
    source cannot be read, after everything else is done; `SettingsError` and `BusyError` as `Judge.refresh`.
    """
    from runs_assets.accounts import SOURCES  # noqa: PLC0415  (Dagster is not needed to see what a command can do)

    judge = Judge.of(project_settings())

    def report(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    for source in SOURCES if not offline else ():
        ask_about_failures(source, judge.layout, utc_now, report)
    refreshed = judge.refresh(SOURCES, report=report)
    health = refreshed.tables[PIPELINE_HEALTH]
    if health.num_rows:
        console.print(health_table(health))
    else:
        report(f"Nothing is stored in {judge.layout.root} that could be judged. Materialize some days first.")
    if refreshed.problem:
        raise StorageError(refreshed.problem)
