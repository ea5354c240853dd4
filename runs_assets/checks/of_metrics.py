"""Facts of the tables after `raw_runs`: they count the same runs, and follow from the newest reading."""

from collections.abc import Iterator

from runs_assets.checks.finding import Finding, Severity, rows_table
from runs_assets.checks.history import FoundDay, History
from runs_assets.checks.remedies import rebuild
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.storage.layout import RAW_RUNS

TABLES = tuple(table.name for table in DAILY_TABLES)


def counts_match_the_rows(history: History) -> Finding:
    """By day, the rows of `raw_runs` and `runs` and the sums of both metrics are the same number.

    Only files of one reading are compared; where a table is of another, that is told by another fact.
    """
    counted = [(found.day, _counts(found)) for found in history.days]
    wrong = [(day, counts) for day, counts in counted if len(set(counts.values())) > 1]
    rows = [{"day": day, **{name: counts.get(name) for name in (RAW_RUNS, *TABLES)}} for day, counts in wrong]
    return Finding(
        says=f"On {len(wrong)} of {len(history.days)} days the files count different numbers of runs.",
        wrong={"days_with_other_counts": len(wrong)},
        remedy=rebuild(history.source, [day for day, _ in wrong]) if wrong else "",
        severity=Severity.ERROR,
        numbers={"days_not_judged": sum(len(counts) <= len(TABLES) for _, counts in counted)},
        sample=rows_table(rows),
    )


def metrics_follow_the_newest_read(history: History) -> Finding:
    """Every stored day's tables are sound and built from its newest reading, by the present code and settings."""
    problems = [
        (found.day, dataset, problem)
        for found in history.days
        if history.being_read is None or found.day not in history.being_read
        for dataset, problem in _problems(found)
    ]
    damaged = sum(dataset in found.damage for found in history.days for dataset in TABLES)
    days = sorted({day for day, _, _ in problems})
    return Finding(
        says=f"On {len(days)} of {len(history.days)} days a table does not follow from the newest reading.",
        wrong={"days_behind": len(days), "damaged_files": damaged},
        remedy=rebuild(history.source, days) if days else "",
        severity=Severity.ERROR if damaged else Severity.WARN,
        numbers={"days_being_read": _being_read(history)},
        sample=rows_table([{"day": day, "table": name, "problem": problem} for day, name, problem in problems]),
    )


def _counts(found: FoundDay) -> dict[str, int]:
    """How many runs each of a day's files counts, of those that are of its newest reading."""
    if found.raw is None:
        return {}
    read = found.raw.read
    tables = {name: table.runs for name, table in found.tables.items() if table.lineage.read == read}
    return {RAW_RUNS: found.raw.rows, **tables}


def _problems(found: FoundDay) -> Iterator[tuple[str, str]]:
    """The tables of a day that do not follow, each with the reason."""
    for dataset in TABLES:
        if dataset in found.damage:
            yield dataset, found.damage[dataset]
        elif found.raw is None:
            continue
        elif dataset not in found.tables:
            yield dataset, "It was not built."
        elif not found.tables[dataset].follows:
            yield dataset, "It was built from an earlier reading, or by other code or settings."


def _being_read(history: History) -> int:
    return sum(found.day in history.being_read for found in history.days) if history.being_read else 0
