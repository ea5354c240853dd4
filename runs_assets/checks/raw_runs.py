"""The checks of `raw_runs`: the days in reach are stored, in time, and no row had to be quarantined."""

from datetime import timedelta

from runs_assets.checks.outcome import CheckSeverity, Outcome, rows_table
from runs_assets.checks.remedies import read_again
from runs_assets.checks.stored_days import InspectedDay, StoredDays
from runs_assets.days import end_of, iso, start_of
from runs_assets.settling.due import URGENT_BEFORE
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS

NEVER_READ = "It was never read."


def nothing_is_quarantined(stored: StoredDays) -> Outcome:
    """Every row that the API returned could be stored as a run.

    A row without an id or a usable creation time, or that is not an object, is kept in `quarantine/`: it may be a run
    that no table counts.
    """
    quarantined = [(day.day, why, count) for day in stored.days for why, count in day.quarantined.items()]
    damaged = [(day.day, day.damage[QUARANTINE], None) for day in stored.days if QUARANTINE in day.damage]
    count = sum(count for _, _, count in quarantined)
    return Outcome(
        summary=f"{count} rows of {len(stored.days)} days in reach are in quarantine.",
        wrong={"quarantined_rows": count, "damaged_files": len(damaged)},
        remedy=(
            f"Look at the rows in quarantine/source={stored.source}/, and report them to the platform or teach the "
            "source's client the new spelling. Then materialize raw_runs for these days again: rows that are good by "
            "then leave the quarantine, and a damaged file is replaced."
        ),
        severity=CheckSeverity.WARN,
        sample=rows_table([{"day": day, "reason": why, "rows": rows} for day, why, rows in [*damaged, *quarantined]]),
    )


def days_in_reach_are_stored(stored: StoredDays) -> Outcome:
    """Every day that is over and that the API still answers for has a sound raw file.

    A day without one is missing in every number over time, and is lost once the API forgets it.
    """
    missing = [day for day in stored.days if _is_missing(day) and end_of(day.day) <= stored.now]
    damaged = [day for day in stored.days if RAW_RUNS in day.damage]
    return Outcome(
        summary=(
            f"Of {len(stored.days)} days in reach, {len(missing)} days that are over were never read, and the raw "
            f"files of {len(damaged)} are damaged."
        ),
        wrong={"days_not_stored": len(missing), "damaged_files": len(damaged)},
        remedy=read_again(stored.source, [day.day for day in missing + damaged]),
        severity=CheckSeverity.ERROR if damaged else CheckSeverity.WARN,
        sample=rows_table(
            [{"day": day.day, "problem": day.damage.get(RAW_RUNS, NEVER_READ)} for day in damaged + missing]
        ),
    )


def no_day_is_about_to_be_forgotten_unread(stored: StoredDays) -> Outcome:
    """Every day that the API begins to forget within 48 hours was read after it was over.

    The runs of a day that was not are soon lost for good: this check cannot wait.
    """
    retention = stored.retention
    ending = [day for day in stored.days if _is_ending(day, stored)]
    unread = [day for day in reversed(ending) if _why_unread(day)]
    return Outcome(
        summary=(
            f"Of the {len(ending)} days that the API begins to forget within 48 hours, {len(unread)} were not read "
            "after they were over."
            if retention
            else "The API keeps all runs."
        ),
        wrong={"days_about_to_be_forgotten": len(unread)},
        remedy=f"Act now. {read_again(stored.source, [day.day for day in unread])}",
        severity=CheckSeverity.ERROR,
        numbers={"days_soon_forgotten": len(ending)} if retention else {},
        sample=rows_table(
            [
                {"day": day.day, "problem": _why_unread(day), "forgotten_from": start_of(day.day) + retention}
                for day in unread
                if retention
            ]
        ),
    )


def _is_ending(day: InspectedDay, stored: StoredDays) -> bool:
    """Whether the API begins to forget the day within 48 hours, or has begun to."""
    left = start_of(day.day) + stored.retention - stored.now if stored.retention else timedelta.max
    return left <= URGENT_BEFORE


def _why_unread(day: InspectedDay) -> str:
    if _is_missing(day):
        return NEVER_READ
    if day.raw is None:
        return day.damage[RAW_RUNS]
    if day.raw.read.complete or day.raw.read.read_started_at >= end_of(day.day):
        return ""
    return f"It was last read at {iso(day.raw.read.read_started_at)}, before it was over."


def _is_missing(day: InspectedDay) -> bool:
    return day.raw is None and RAW_RUNS not in day.damage
