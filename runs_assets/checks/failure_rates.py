"""The check of `failure_rates`: the tables follow from the newest reading."""

from collections.abc import Iterator

from runs_assets.checks.outcome import CheckSeverity, Outcome, rows_table
from runs_assets.checks.remedies import rebuild
from runs_assets.checks.stored_days import InspectedDay, StoredDays
from runs_assets.daily.tables import DAILY_TABLES

TABLES = tuple(table.name for table in DAILY_TABLES)


def metrics_follow_the_newest_read(stored: StoredDays) -> Outcome:
    """The tables of every stored day are undamaged and built from its newest reading, by the present code and settings.

    Where they are not, they show an older state than the raw file.
    """
    being_read = [day.day for day in stored.days if stored.being_read and day.day in stored.being_read]
    problems = [
        (day.day, name, problem) for day in stored.days if day.day not in being_read for name, problem in _problems(day)
    ]
    damaged = sum(name in day.damage for day in stored.days for name in TABLES)
    days = sorted({day for day, _, _ in problems})
    return Outcome(
        summary=f"On {len(days)} of {len(stored.days)} days a table does not follow from the newest reading.",
        wrong={"days_behind": len(days), "damaged_files": damaged},
        remedy=rebuild(stored.source, days) if days else "",
        severity=CheckSeverity.ERROR if damaged else CheckSeverity.WARN,
        numbers={"days_being_read": len(being_read)},
        sample=rows_table([{"day": day, "table": name, "problem": problem} for day, name, problem in problems]),
    )


def _problems(day: InspectedDay) -> Iterator[tuple[str, str]]:
    """The tables of a day that do not follow, each with the reason."""
    for name in TABLES:
        if name in day.damage:
            yield name, day.damage[name]
        elif day.raw is None:
            continue
        elif name not in day.tables:
            yield name, "It was not built."
        elif not day.tables[name].follows:
            yield name, "It was built from an earlier reading, or by other code or settings."
