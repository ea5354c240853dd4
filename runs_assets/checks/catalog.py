"""The nine checks of a source, and on which asset each is shown. A check's docstring is its description in Dagster."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from runs_assets.checks.outcome import SAMPLE_ROWS, Outcome, read_again, rebuild
from runs_assets.checks.stored_days import InspectedDay, StoredDays
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.days import end_of, iso, start_of
from runs_assets.settling.due import URGENT_BEFORE
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS

TABLES = tuple(table.name for table in DAILY_TABLES)
DATA_SETS = (RAW_RUNS, *TABLES)
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
        sample=[{"day": day, "reason": why, "rows": rows} for day, why, rows in [*damaged, *quarantined]],
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
        is_error=bool(damaged),
        sample=[{"day": day.day, "problem": day.damage.get(RAW_RUNS, NEVER_READ)} for day in damaged + missing],
    )


def no_day_is_about_to_be_forgotten_unread(stored: StoredDays) -> Outcome:
    """Every day that the API begins to forget within 48 hours was read after it was over.

    The runs of a day that was not are soon lost for good: this check cannot wait.
    """
    retention = stored.retention or timedelta.max
    ending = [day for day in stored.days if retention <= stored.now - start_of(day.day) + URGENT_BEFORE]
    unread = [(day.day, why) for day in reversed(ending) if (why := _why_unread(day))]
    return Outcome(
        summary=(
            f"Of the {len(ending)} days that the API begins to forget within 48 hours, {len(unread)} were not read "
            "after they were over."
            if stored.retention
            else "The API keeps all runs."
        ),
        wrong={"days_about_to_be_forgotten": len(unread)},
        remedy=f"Act now. {read_again(stored.source, [day for day, _ in unread])}",
        is_error=True,
        numbers={"days_soon_forgotten": len(ending)} if stored.retention else {},
        sample=[{"day": day, "problem": why, "forgotten_from": start_of(day) + retention} for day, why in unread],
    )


def every_run_is_stored_once(stored: StoredDays) -> Outcome:
    """No run id occurs twice, within a day or under two days. A run that does is counted twice."""
    repeated = stored.repeated
    days = [day for name in ("first_day", "last_day") for day in repeated[name].to_pylist()]
    return Outcome(
        summary=f"{repeated.num_rows} runs of {len(stored.days)} days are stored more than once.",
        wrong={"repeated_runs": repeated.num_rows},
        remedy=(
            "The platform shows a run with two creation times, or a file was edited by hand. Compare the lines of the "
            f"raw files. {read_again(stored.source, days)}"
        ),
        is_error=True,
        numbers=_not_judged(stored),
        sample=repeated.slice(0, SAMPLE_ROWS).to_pylist(),
    )


def every_status_is_known(stored: StoredDays) -> Outcome:
    """The normalizer knows what every run's status means. A run of unknown status is in no failure rate."""
    unknown = [(day.day, *found) for day in stored.days if day.runs for found in day.runs.unknown.items()]
    days = sorted({day for day, _, _ in unknown})
    count = sum(count for _, _, count in unknown)
    return Outcome(
        summary=f"{count} runs of {len(days)} days have an unknown status.",
        wrong={"unknown_statuses": count},
        remedy=(
            f"Add the platform's word to the normalizer of {stored.source}, and raise its VERSION. "
            f"{rebuild(stored.source, days)}"
        ),
        numbers=_not_judged(stored),
        sample=[{"day": day, "raw_status": word, "runs": count} for day, word, count in unknown],
    )


def every_time_is_understood(stored: StoredDays) -> Outcome:
    """Every time that a row has was read as it was written.

    One without an offset is read as UTC where the platform's documentation says so. One that cannot be read is null in
    `runs`, and the raw file keeps it: durations, and with them verdicts, do without.
    """
    lineages = [(day.day, day.tables[RUNS.name].lineage) for day in stored.days if RUNS.name in day.tables]
    odd = [(day, lineage) for day, lineage in lineages if lineage.assumed_utc or lineage.unreadable_times]
    assumed, unreadable = (
        sum(getattr(found, name) for _, found in odd) for name in ("assumed_utc", "unreadable_times")
    )
    return Outcome(
        summary=f"On {len(odd)} days {assumed} times had no offset and {unreadable} times could not be read.",
        wrong={"times_assumed_utc": assumed, "unreadable_times": unreadable},
        remedy=(
            f"Compare the times in the raw files of {stored.source} with those that the platform shows: the API has "
            "changed how it prints them. Report it to the platform, or teach the source's normalizer the new spelling "
            f"and raise its VERSION. {rebuild(stored.source, [day for day, _ in odd])}"
        ),
        numbers=_not_judged(stored),
        sample=[
            {"day": day, "times_assumed_utc": found.assumed_utc, "unreadable_times": found.unreadable_times}
            for day, found in odd
        ],
    )


def open_runs_are_not_abandoned(stored: StoredDays) -> Outcome:
    """No run was still open `RUNS_ASSETS_GIVE_UP_DAYS` after its creation.

    Such a run hangs, or the platform never said how it ended. Its day does not become final, and is read only rarely.
    """
    having = [(day.day, day.runs) for day in stored.days if day.runs and day.runs.abandoned]
    count = sum(runs.abandoned for _, runs in having)
    return Outcome(
        summary=f"{count} runs of {len(having)} days are abandoned: still open long after their creation.",
        wrong={"abandoned_runs": count},
        remedy=(
            "Look at these runs on the platform, and stop those that hang. Their days are not final until the platform "
            f"says how they ended. {read_again(stored.source, [day for day, _ in having])}"
        ),
        numbers=_not_judged(stored),
        sample=[row for _, runs in having for row in runs.abandoned_sample],
    )


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
        is_error=True,
        numbers={"days_not_judged": sum(len(counts) < len(DATA_SETS) for _, counts in counted)},
        sample=[{"day": day, **{name: counts.get(name) for name in DATA_SETS}} for day, counts in wrong],
    )


def metrics_follow_the_newest_read(stored: StoredDays) -> Outcome:
    """The tables of every stored day are undamaged and built from its newest reading, by the present code and settings.

    Where they are not, they show an older state than the raw file.
    """
    being_read = [day.day for day in stored.days if stored.being_read and day.day in stored.being_read]
    problems = [
        (day.day, name, problem)
        for day in stored.days
        if day.day not in being_read
        for name, problem in _problems(stored, day)
    ]
    damaged = sum(name in day.damage for day in stored.days for name in TABLES)
    days = sorted({day for day, _, _ in problems})
    return Outcome(
        summary=f"On {len(days)} of {len(stored.days)} days a table does not follow from the newest reading.",
        wrong={"days_behind": len(days), "damaged_files": damaged},
        remedy=rebuild(stored.source, days) if days else "",
        is_error=bool(damaged),
        numbers={"days_being_read": len(being_read)},
        sample=[{"day": day, "table": name, "problem": problem} for day, name, problem in problems],
    )


Check = Callable[[StoredDays], Outcome]

CHECKS: tuple[tuple[str, Check], ...] = (
    (RAW_RUNS, nothing_is_quarantined),
    (RAW_RUNS, days_in_reach_are_stored),
    (RAW_RUNS, no_day_is_about_to_be_forgotten_unread),
    (RUNS.name, every_run_is_stored_once),
    (RUNS.name, every_status_is_known),
    (RUNS.name, every_time_is_understood),
    (RUNS.name, open_runs_are_not_abandoned),
    (RUN_STATUS_COUNTS.name, counts_match_the_rows),
    (FAILURE_RATES.name, metrics_follow_the_newest_read),
)
"""Each check with the data set that it is shown on."""


def _is_missing(day: InspectedDay) -> bool:
    return day.raw is None and RAW_RUNS not in day.damage


def _why_unread(day: InspectedDay) -> str:
    if day.raw is None:
        return day.damage.get(RAW_RUNS, NEVER_READ)
    if day.raw.read.complete or day.raw.read.read_started_at >= end_of(day.day):
        return ""
    return f"It was last read at {iso(day.raw.read.read_started_at)}, before it was over."


def _not_judged(stored: StoredDays) -> dict[str, int]:
    """The days in reach whose `runs` are missing or damaged; other checks report them."""
    return {"days_not_judged": sum(day.runs is None for day in stored.days)}


def _counts(day: InspectedDay) -> dict[str, int]:
    """How many runs each of a day's files counts, of those that are of its newest reading."""
    if day.raw is None:
        return {}
    read = day.raw.read
    tables = {name: table.runs for name, table in day.tables.items() if table.lineage.read == read}
    return {RAW_RUNS: day.raw.rows, **tables}


def _problems(stored: StoredDays, day: InspectedDay) -> Iterator[tuple[str, str]]:
    """The tables of a day that do not follow, each with the reason."""
    for name in TABLES:
        if name in day.damage:
            yield name, day.damage[name]
        elif day.raw is None:
            continue
        elif name not in day.tables:
            yield name, "It was not built."
        elif not stored.follows(day, name):
            yield name, "It was built from an earlier reading, or by other code or settings."
