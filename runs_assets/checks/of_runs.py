"""Facts of `runs`: each run is there once, its status is known, and what is open is still waited for."""

import pyarrow as pa

from runs_assets.checks.finding import SAMPLE_ROWS, Finding, Severity, rows_table
from runs_assets.checks.history import History
from runs_assets.checks.remedies import read_again, rebuild


def every_run_is_stored_once(history: History) -> Finding:
    """No id occurs twice, within a day or under two days: otherwise runs are counted twice."""
    repeated = history.repeated
    days = [day for name in ("first_day", "last_day") for day in repeated[name].to_pylist()]
    return Finding(
        says=f"{repeated.num_rows} of the runs of {len(history.days)} days are stored more than once.",
        wrong={"repeated_runs": repeated.num_rows},
        remedy=(
            "The platform shows a run with two creation times, or a file was changed by hand. Compare the lines of the "
            f"raw files. {read_again(history.source, days)}"
            if days
            else ""
        ),
        severity=Severity.ERROR,
        numbers=_not_judged(history),
        sample=repeated,
    )


def every_status_is_known(history: History) -> Finding:
    """Every run's status is a word, or a combination of word and times, that the source's normalizer knows."""
    found_words = [(found.day, found.rows.unknown) for found in history.days if found.rows]
    rows = [
        {"day": day, "raw_status": word, "runs": count} for day, words in found_words for word, count in words.items()
    ]
    count = sum(count for _, words in found_words for count in words.values())
    days = [day for day, words in found_words if words]
    return Finding(
        says=f"{count} runs of {len(days)} days have a status that is not known.",
        wrong={"unknown_statuses": count},
        remedy=(
            f"Teach the normalizer of {history.source} the platform's word, and raise its VERSION. "
            f"{rebuild(history.source, days)}"
            if days
            else ""
        ),
        severity=Severity.WARN,
        numbers=_not_judged(history),
        sample=rows_table(rows),
    )


def open_runs_are_not_abandoned(history: History) -> Finding:
    """No run was found open that long after its creation (RUNS_ASSETS_GIVE_UP_DAYS) that nobody waits for it."""
    having = [(found.day, found.rows) for found in history.days if found.rows and found.rows.abandoned]
    count = sum(rows.abandoned for _, rows in having)
    return Finding(
        says=f"{count} runs of {len(having)} days were still open when they were given up.",
        wrong={"abandoned_runs": count},
        remedy=(
            "Look at these runs on the platform, and stop those that hang. Their days are not final until the platform "
            f"says how they ended. {read_again(history.source, [day for day, _ in having])}"
            if having
            else ""
        ),
        severity=Severity.WARN,
        numbers=_not_judged(history),
        sample=_first([rows.abandoned_sample for _, rows in having]),
    )


def _first(samples: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(samples[:SAMPLE_ROWS]) if samples else pa.table({})


def _not_judged(history: History) -> dict[str, int]:
    """The days in reach whose `runs` are not there, or not to be read; other checks tell of them."""
    return {"days_not_judged": sum(found.rows is None for found in history.days)}
