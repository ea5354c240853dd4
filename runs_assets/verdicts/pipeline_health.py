"""One row per pipeline with one state: what people and messages read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.days import from_us, to_us
from runs_assets.statistics.intervals import newcombe_interval
from runs_assets.statistics.significance import fisher_exact_p
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema, with_columns
from runs_assets.verdicts.failure_concentrations import FAILURE_CONCENTRATIONS
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS
from runs_assets.verdicts.failure_trends import DAY, FAILURE_TRENDS, PIPELINE, WORSE
from runs_assets.verdicts.hanging_runs import HANGING_RUNS, SuccessDurations
from runs_assets.verdicts.outages import FailureStreak, going_on_since
from runs_assets.verdicts.pipeline_states import Evidence, PipelineState, Row, activities, not_judged, state_of
from runs_assets.verdicts.silences import SILENCES
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory
from runs_assets.verdicts.streak_rules import MIN_RUNS

SCHEMA = pipeline_schema(
    column("state", pa.string(), f"the first that applies of {', '.join(PipelineState)}", nullable=False),
    column("since", TIMESTAMP, "since when, UTC; null where a state has no beginning"),
    column("reason", pa.string(), "why most of its failures failed, on the newest day with any of the last 28"),
    column("reason_category", pa.string(), "the kind of reason, in the platform's words"),
    column("reason_side", pa.string(), "who has to act: ours, platform, customer or unknown; for triage only"),
    column("failures", pa.int64(), "failures in a row; 0 if the last completed run succeeded", nullable=False),
    column("successes", pa.int64(), "successes in a row, of 28 days; 0 if the last run failed", nullable=False),
    column("failing_since", TIMESTAMP, "when the first of these failures ended, UTC"),
    column("alert_after", pa.int64(), "failures in a row at which the pipeline is down, failing or never succeeded"),
    column("confirmed_at", TIMESTAMP, "when it became that: the end of the failure that confirmed it, UTC"),
    column("sites_affected", pa.int64(), "number of sites with these failures; null where no run has a site"),
    column("first_failed_run_id", pa.string(), "the first of these failures"),
    column("latest_failed_run_id", pa.string(), "the last of these failures"),
    column("last_run_at", TIMESTAMP, "when its last run was created, UTC", nullable=False),
    column("last_success_at", TIMESTAMP, "when its last success ended, UTC; null if none is known"),
    column("last_failure_at", TIMESTAMP, "when its last failure ended, UTC; null if none is known"),
    column("expected_by", TIMESTAMP, "from when on a silent pipeline was overdue, UTC"),
    column("decided_24h", pa.int64(), "completed runs of the last 24 hours that had time to end", nullable=False),
    column("failed_24h", pa.int64(), "how many of them failed", nullable=False),
    column("failure_rate_24h", pa.float64(), "failed_24h / decided_24h; null for 0/0"),
    column("failure_rate_24h_low", pa.float64(), "lower end of its 95 % Wilson interval"),
    column("failure_rate_24h_high", pa.float64(), "upper end of its 95 % Wilson interval"),
    column("normal_rate", pa.float64(), "the failure rate of the days read whole of the 28 before; null for 0/0"),
    column("not_judged", pa.string(), "why its rate cannot be compared with the usual one; null if it can"),
    column("runs_7d", pa.int64(), "runs created in the last 7 days", nullable=False),
    column("decided_28d", pa.int64(), "completed runs that ended in the last 28 days", nullable=False),
    column("failed_28d", pa.int64(), "how many of them failed", nullable=False),
    column("flip_rate", pa.float64(), "changes of outcome / (decided_28d - 1), 0 to 1"),
    column("recoveries", pa.int64(), "ended streaks of failures in the window", nullable=False),
    column("median_recovery_seconds", pa.float64(), "median time from first failure to success, seconds"),
    column("hanging_runs", pa.int64(), "how many runs hang now", nullable=False),
    column("abandoned_runs", pa.int64(), "how many open runs nobody waits for any more", nullable=False),
    column("duration_p50_7d_seconds", pa.float64(), "median duration of the successes of 7 days, seconds"),
    column("duration_p50_28d_seconds", pa.float64(), "the same of the 28 days before these 7, seconds"),
    column("slower_ratio", pa.float64(), "p50_7d / p50_28d, if both have at least 20 successes"),
    column("is_slower", pa.bool_(), "whether slower_ratio is at least 1.5 and a rank test agrees", nullable=False),
    column("version", pa.string(), "the newest version"),
    column("previous_version", pa.string(), "the one before; null unless both have 20 completed runs"),
    column("version_difference", pa.float64(), "failure rate of the newest version - that of the one before"),
    column("version_difference_low", pa.float64(), "lower end of its 95 % Newcombe interval"),
    column("version_difference_high", pa.float64(), "upper end of its 95 % Newcombe interval"),
    column("version_p_value", pa.float64(), "Fisher's exact test of the two versions, two-sided"),
    column("first_run_at", TIMESTAMP, "when the first run in the days read was created, UTC", nullable=False),
    column("source_read_until", TIMESTAMP, "up to when the source was read: all is as of then, UTC", nullable=False),
)
PIPELINE_HEALTH = Table(
    name="pipeline_health",
    description="One row per pipeline: its state, since when, and the numbers behind it.",
    schema=SCHEMA,
    version="7",
)

SPAN_COLUMNS = ["pipeline_id", "period", "verdict", "decided", "failed", "failure_rate", "failure_rate_low"]
SPAN_COLUMNS += ["failure_rate_high", "baseline_rate"]
"""Of the rows of `failure_trends` that are spans, what is read."""


def pipeline_health(
    history: SourceHistory,
    streaks: Iterable[FailureStreak],
    durations: SuccessDurations,
    stuck: Mapping[int, int],
    abandoned: Sequence[int],
    verdicts: Mapping[str, pa.Table],
) -> pa.Table:
    """One row (schema `SCHEMA`) for each pipeline with a run in the window, sorted by pipeline.

    `stuck` has, by number, when the first of the runs that are stuck was created (microseconds since the epoch),
    `abandoned` how many runs are, and `verdicts` the source's rows of the other tables, by their names.
    """
    reasons, versions = _main_reasons(verdicts[FAILURE_REASONS.name], history.last_day), _versions(history)
    rows = (
        {
            **history.about(found.number),
            **_state(found),
            **reasons.get(history.pipelines[found.number], {}),
            **_failing(found.open_streak),
            **_last_24_hours(found.now),
            **found.activity,
            **_recoveries(found.streaks),
            **versions.get(found.number, {}),
            **_durations(durations, found.number),
            "hanging_runs": len(found.hanging),
            "abandoned_runs": abandoned[found.number],
            "source_read_until": history.read_until,
        }
        for found in _evidence(history, streaks, stuck, verdicts)
    )
    return pa.Table.from_pylist([*rows], schema=SCHEMA)


def _evidence(
    history: SourceHistory,
    all_streaks: Iterable[FailureStreak],
    stuck: Mapping[int, int],
    verdicts: Mapping[str, pa.Table],
) -> Iterator[Evidence]:
    """Of each pipeline with a run in the window, in order."""
    trends = verdicts[FAILURE_TRENDS.name].filter(pc.field("scope") == PIPELINE)
    is_worse_day = (pc.field("period") == DAY) & (pc.field("verdict") == WORSE)
    spans = _by_pipeline(trends.filter(pc.field("period") != DAY).select(SPAN_COLUMNS))
    worse = _by_pipeline(trends.filter(is_worse_day).select(["pipeline_id", "date"]))
    others = (SILENCES, HANGING_RUNS, FAILURE_CONCENTRATIONS)
    silences, hanging, concentrations = (_by_pipeline(verdicts[table.name]) for table in others)
    streaks = defaultdict(list)
    for streak in going_on_since(to_us(history.window.start), all_streaks):
        streaks[streak.pipeline].append(streak)
    for number, activity in sorted(activities(history).items()):
        pipeline_id = history.pipelines[number]
        yield Evidence(
            history=history,
            number=number,
            activity=activity,
            streaks=streaks[number],
            silences=silences[pipeline_id],
            hanging=hanging[pipeline_id],
            concentrations=concentrations[pipeline_id],
            spans={row["period"]: row for row in spans[pipeline_id]},
            worse_days={row["date"] for row in worse[pipeline_id]},
            stuck_since=from_us(stuck[number]) if number in stuck else None,
        )


def _by_pipeline(table: pa.Table) -> Mapping[str | None, list[Row]]:
    rows: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in table.to_pylist():
        rows[row["pipeline_id"]].append(row)
    return rows


def _state(evidence: Evidence) -> Row:
    state, since = state_of(evidence)
    silence = evidence.open_silence
    return {
        "state": state.value,
        "since": since,
        "expected_by": silence["expected_by"] if silence else None,
        "not_judged": not_judged(evidence),
    }


def _main_reasons(reasons: pa.Table, today: date) -> dict[str | None, Row]:
    """By pipeline, the reason of most failures on the newest day with any of the last 28."""
    recent = reasons.filter(pc.field("date") >= pa.scalar(today - timedelta(days=BASELINE_DAYS)))
    recent = recent.select(["pipeline_id", "date", "runs", "reason", "category", "side"])
    order = [("date", "ascending"), ("runs", "ascending"), ("reason", "descending")]
    return {
        row["pipeline_id"]: {"reason": row["reason"], "reason_category": row["category"], "reason_side": row["side"]}
        for row in recent.sort_by(order).to_pylist()  # the last one of a pipeline counts
    }


def _failing(streak: FailureStreak | None) -> Row:
    """The columns of `outages` that this table has too, and the ids under names of their own."""
    if streak is None:
        return {"failures": 0}
    ids = {"first_failed_run_id": streak.first_run_id, "latest_failed_run_id": streak.latest_run_id}
    return streak.row() | ids


def _last_24_hours(now: Row | None) -> Row:
    if now is None:
        return {"decided_24h": 0, "failed_24h": 0}
    rates = ("decided", "failed", "failure_rate")
    ends = {f"failure_rate_24h_{end}": now[f"failure_rate_{end}"] for end in ("low", "high")}
    return {**{f"{name}_24h": now[name] for name in rates}, **ends, "normal_rate": now["baseline_rate"]}


def _recoveries(streaks: Iterable[FailureStreak]) -> Row:
    seconds = [row["recovery_seconds"] for row in map(FailureStreak.row, streaks) if row["ended_at"] is not None]
    return {"recoveries": len(seconds), "median_recovery_seconds": median(seconds) if seconds else None}


def _durations(durations: SuccessDurations, number: int) -> Row:
    medians = {"duration_p50_7d_seconds": durations.recent, "duration_p50_28d_seconds": durations.earlier}
    numbers = {name: values[number] for name, values in (medians | {"slower_ratio": durations.ratio}).items()}
    known = {name: None if np.isnan(value) else float(value) for name, value in numbers.items()}
    return known | {"is_slower": bool(durations.is_slower[number])}


def _versions(history: SourceHistory) -> dict[int, Row]:
    """Of each pipeline, by its number: its newest version, and how its failure rate differs from the one before."""
    runs = history.completed.select(["pipeline", "pipeline_version", "created_us", "failed"])
    in_window = pc.greater_equal(runs["created_us"], to_us(history.window.start))
    versioned = runs.filter(pc.and_(in_window, pc.is_valid(runs["pipeline_version"])))
    counted = versioned.group_by(["pipeline", "pipeline_version"]).aggregate(
        [("created_us", "min"), ("failed", "count"), ("failed", "sum")]
    )
    counted = counted.rename_columns(["pipeline", "version", "first", "runs", "failed"])
    counted = with_columns(counted, version=counted["version"].cast(pa.string()))
    newest: defaultdict[int, list[Any]] = defaultdict(list)
    for row in counted.sort_by([(name, "ascending") for name in ("pipeline", "first", "version")]).to_pylist():
        newest[row["pipeline"]].append(row)
    return {number: _version(rows[-2:]) for number, rows in newest.items()}


def _version(newest_two: Sequence[Row]) -> Row:
    *before, newest = newest_two
    row = {"version": newest["version"]}
    if not before or min(newest["runs"], before[0]["runs"]) < MIN_RUNS:
        return row
    failed, runs, failed_before, runs_before = (it[name] for it in (newest, before[0]) for name in ("failed", "runs"))
    low, high = newcombe_interval(failed, runs, failed_before, runs_before)
    return {
        **row,
        "previous_version": before[0]["version"],
        "version_difference": failed / runs - failed_before / runs_before,
        "version_difference_low": low,
        "version_difference_high": high,
        "version_p_value": fisher_exact_p(failed, runs, failed_before, runs_before),
    }
