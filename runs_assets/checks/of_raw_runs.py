"""Facts of `raw_runs`: the days in reach are stored, in time, and nothing had to be set aside."""

from datetime import timedelta

import pyarrow as pa

from runs_assets.checks.finding import Finding, Severity, rows_table
from runs_assets.checks.history import FoundDay, History
from runs_assets.checks.remedies import read_again
from runs_assets.days import end_of, iso, start_of
from runs_assets.settling.due import URGENT_BEFORE
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS

NEVER_READ = "It was never read."


def nothing_is_quarantined(history: History) -> Finding:
    """No row of the API had to be set aside because it has no id, no usable creation time, or is no object."""
    found_rows = [(day.day, why, count) for day in history.days for why, count in day.quarantined.items()]
    damaged = [(found.day, found.damage[QUARANTINE], None) for found in history.days if QUARANTINE in found.damage]
    count = sum(count for _, _, count in found_rows)
    return Finding(
        says=f"{count} rows are set aside in the quarantine of {len(history.days)} days in reach.",
        wrong={"quarantined_rows": count, "damaged_files": len(damaged)},
        remedy=(
            f"Look at the rows in quarantine/source={history.source}/ and tell the platform, or add the field's new "
            "spelling to the source's client. Materialize raw_runs again for the days: what is then good leaves the "
            "quarantine, and a damaged file is written anew."
        ),
        severity=Severity.WARN,
        sample=rows_table([{"day": day, "reason": why, "rows": rows} for day, why, rows in [*damaged, *found_rows]]),
    )


def days_in_reach_are_stored(history: History) -> Finding:
    """Every day that the API can still be asked for has a sound raw file; today may still lack one."""
    missing = [found for found in history.days if _is_missing(found) and end_of(found.day) <= history.now]
    damaged = [found for found in history.days if RAW_RUNS in found.damage]
    rows = [{"day": found.day, "problem": found.damage.get(RAW_RUNS, NEVER_READ)} for found in damaged + missing]
    return Finding(
        says=(
            f"Of {len(history.days)} days in reach, today included, {len(missing)} that are over were never read, and "
            f"the files of {len(damaged)} are damaged."
        ),
        wrong={"days_not_stored": len(missing), "damaged_files": len(damaged)},
        remedy=read_again(history.source, [found.day for found in missing + damaged]) if missing or damaged else "",
        severity=Severity.ERROR if damaged else Severity.WARN,
        sample=rows_table(rows),
    )


def no_day_is_about_to_be_forgotten_unread(history: History) -> Finding:
    """No day that the API begins to forget within 48 hours lacks a reading that began after the day was over."""
    if history.retention is None:
        return Finding(
            says="The API forgets nothing.",
            wrong={"days_about_to_be_forgotten": 0},
            remedy="",
            severity=Severity.ERROR,
        )
    ending = [found for found in history.days if _forgotten_in(found, history, history.retention) <= URGENT_BEFORE]
    unread = [found for found in reversed(ending) if _why_unread(found)]
    days = [found.day for found in unread]
    return Finding(
        says=f"{len(unread)} of the {len(ending)} days that the API soon begins to forget were not read to their end.",
        wrong={"days_about_to_be_forgotten": len(unread)},
        remedy=f"Now, or their runs are lost. {read_again(history.source, days)}" if unread else "",
        severity=Severity.ERROR,
        numbers={"days_soon_forgotten": len(ending)},
        sample=_unread(unread, history.retention),
    )


def _forgotten_in(found: FoundDay, history: History, retention: timedelta) -> timedelta:
    """How long until the API forgets the day's first run; below 0 if it has begun to."""
    return start_of(found.day) + retention - history.now


def _why_unread(found: FoundDay) -> str:
    if RAW_RUNS in found.damage:
        return found.damage[RAW_RUNS]
    if found.raw is None:
        return NEVER_READ
    if found.raw.read.complete or found.raw.read.read_started_at >= end_of(found.day):
        return ""
    return f"It was read last at {iso(found.raw.read.read_started_at)}, before it was over."


def _unread(unread: list[FoundDay], retention: timedelta) -> pa.Table:
    return rows_table(
        [
            {"day": found.day, "problem": _why_unread(found), "forgotten_from": start_of(found.day) + retention}
            for found in unread
        ]
    )


def _is_missing(found: FoundDay) -> bool:
    return found.raw is None and RAW_RUNS not in found.damage
