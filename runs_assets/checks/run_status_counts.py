"""The check of `run_status_counts`: all files of a day count the same runs."""

from runs_assets.checks.outcome import CheckSeverity, Outcome, rows_table
from runs_assets.checks.remedies import rebuild
from runs_assets.checks.stored_days import InspectedDay, StoredDays
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.storage.layout import RAW_RUNS

DATA_SETS = (RAW_RUNS, *(table.name for table in DAILY_TABLES))


def counts_match_the_rows(stored: StoredDays) -> Outcome:
    """By day, `raw_runs`, `runs`, `run_status_counts` and `failure_rates` count the same number of runs.

    Where they do not, a file was changed or a table is wrong. Files of different readings are not compared.
    """
    counted = [(day.day, _counts(day)) for day in stored.days]
    wrong = [(day, counts) for day, counts in counted if len(set(counts.values())) > 1]
    return Outcome(
        summary=f"On {len(wrong)} of {len(stored.days)} days the files count different numbers of runs.",
        wrong={"days_with_other_counts": len(wrong)},
        remedy=rebuild(stored.source, [day for day, _ in wrong]),
        severity=CheckSeverity.ERROR,
        numbers={"days_not_judged": sum(len(counts) < len(DATA_SETS) for _, counts in counted)},
        sample=rows_table([{"day": day, **{name: counts.get(name) for name in DATA_SETS}} for day, counts in wrong]),
    )


def _counts(day: InspectedDay) -> dict[str, int]:
    """How many runs each of a day's files counts, of those that are of its newest reading."""
    if day.raw is None:
        return {}
    read = day.raw.read
    tables = {name: table.runs for name, table in day.tables.items() if table.lineage.read == read}
    return {RAW_RUNS: day.raw.rows, **tables}
