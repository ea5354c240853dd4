"""The checks of `runs`: each run is stored once, its status is known, and no open run is abandoned."""

import pyarrow as pa

from runs_assets.checks.outcome import SAMPLE_ROWS, CheckSeverity, Outcome, rows_table
from runs_assets.checks.remedies import read_again, rebuild
from runs_assets.checks.stored_days import StoredDays


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
        severity=CheckSeverity.ERROR,
        numbers=_not_judged(stored),
        sample=repeated,
    )


def every_status_is_known(stored: StoredDays) -> Outcome:
    """The normalizer knows what every run's status means. A run of unknown status is in no failure rate."""
    words = [(day.day, day.runs.unknown) for day in stored.days if day.runs]
    rows = [{"day": day, "raw_status": word, "runs": count} for day, found in words for word, count in found.items()]
    count = sum(count for _, found in words for count in found.values())
    days = [day for day, found in words if found]
    return Outcome(
        summary=f"{count} runs of {len(days)} days have an unknown status.",
        wrong={"unknown_statuses": count},
        remedy=(
            f"Add the platform's word to the normalizer of {stored.source}, and raise its VERSION. "
            f"{rebuild(stored.source, days)}"
        ),
        severity=CheckSeverity.WARN,
        numbers=_not_judged(stored),
        sample=rows_table(rows),
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
        severity=CheckSeverity.WARN,
        numbers=_not_judged(stored),
        sample=_first([runs.abandoned_sample for _, runs in having]),
    )


def _first(samples: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(samples[:SAMPLE_ROWS]) if samples else pa.table({})


def _not_judged(stored: StoredDays) -> dict[str, int]:
    """The days in reach whose `runs` are missing or damaged; other checks report them."""
    return {"days_not_judged": sum(day.runs is None for day in stored.days)}
