"""One row per pipeline with one state: what people and messages read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.days import SECOND_US, to_us
from runs_assets.tables import PIPELINE_COLUMNS, TIMESTAMP, column
from runs_assets.verdicts.activity import Activity, activities
from runs_assets.verdicts.durations import Durations
from runs_assets.verdicts.failure_trends import DAY, NOW, PIPELINE, WORSE
from runs_assets.verdicts.history import BASELINE_DAYS, History
from runs_assets.verdicts.outages import Stretch, Stretches
from runs_assets.verdicts.states import Evidence, State, state_of
from runs_assets.verdicts.versions import VersionChange

PIPELINE_HEALTH = pa.schema(
    [
        *PIPELINE_COLUMNS,
        column("state", pa.string(), ", ".join(State), nullable=False),
        column("since", TIMESTAMP, "since when, UTC; null where a state has no beginning"),
        column("reason", pa.string(), "why most of its failures failed, on the newest day with any of 28 days"),
        column("reason_category", pa.string(), "the reason's category"),
        column("reason_side", pa.string(), "whose it is: ours, platform, customer or unknown"),
        column("failures", pa.int64(), "failures in a row now; 0 if the last decided run succeeded", nullable=False),
        column("failing_since", TIMESTAMP, "when the first of them ended, UTC"),
        column("alert_after", pa.int64(), "failures in a row at which the pipeline counts as down"),
        column("confirmed_at", TIMESTAMP, "when it went down: the end of the failure that confirmed it, UTC"),
        column("sites_affected", pa.int64(), "how many sites these failures are of"),
        column("first_failed_run_id", pa.string(), "the first of them"),
        column("latest_failed_run_id", pa.string(), "the last of them"),
        column("last_run_at", TIMESTAMP, "when its last run was created, UTC", nullable=False),
        column("last_success_at", TIMESTAMP, "when its last success ended, UTC"),
        column("last_failure_at", TIMESTAMP, "when its last failure ended, UTC"),
        column("expected_by", TIMESTAMP, "when a silent pipeline was overdue, UTC"),
        column("decided_24h", pa.int64(), "decided runs of the last 24 hours that had time to end", nullable=False),
        column("failed_24h", pa.int64(), "failed ones among them", nullable=False),
        column("failure_rate_24h", pa.float64(), "failed_24h / decided_24h; null for 0/0"),
        column("failure_rate_24h_low", pa.float64(), "lower end of its 95 % Wilson interval"),
        column("failure_rate_24h_high", pa.float64(), "upper end of its 95 % Wilson interval"),
        column("normal_rate", pa.float64(), "the failure rate of the final days of the four weeks before"),
        column("runs_7d", pa.int64(), "runs created in the last 7 days", nullable=False),
        column("decided_28d", pa.int64(), "decided runs that ended in the last 28 days", nullable=False),
        column("failed_28d", pa.int64(), "failed ones among them", nullable=False),
        column("flip_rate", pa.float64(), "changes of outcome / (decided_28d - 1), 0 to 1"),
        column("recoveries", pa.int64(), "ended stretches of failures in the window", nullable=False),
        column("median_recovery_seconds", pa.float64(), "how long they took from first failure to success, seconds"),
        column("hanging_runs", pa.int64(), "runs that hang now", nullable=False),
        column("duration_p50_7d_seconds", pa.float64(), "median duration of the successes of 7 days, seconds"),
        column("duration_p50_28d_seconds", pa.float64(), "the same of the 28 days before these, seconds"),
        column("slower_ratio", pa.float64(), "the first by the second, with at least 20 successes each"),
        column("is_slower", pa.bool_(), "whether it is at least 1.5 and a rank test agrees at 1 %", nullable=False),
        column("version", pa.string(), "the newest version"),
        column("previous_version", pa.string(), "the one before"),
        column("version_difference", pa.float64(), "the newest version's failure rate minus that of the one before"),
        column("version_difference_low", pa.float64(), "lower end of its 95 % Newcombe interval"),
        column("version_difference_high", pa.float64(), "upper end of its 95 % Newcombe interval"),
        column("version_p_value", pa.float64(), "Fisher's exact test of the two versions, two-sided"),
        column("first_run_at", TIMESTAMP, "when the first run in the read days was created, UTC", nullable=False),
        column(
            "source_read_until", TIMESTAMP, "up to when the source was read: all is as of then, UTC", nullable=False
        ),
    ]
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Findings:
    """What the other tables say of a source, and what they were made from."""

    history: History
    stretches: Stretches
    durations: Durations
    versions: Mapping[int, VersionChange]
    names: Mapping[str, str]
    failure_trends: pa.Table
    silences: pa.Table
    hanging_runs: pa.Table
    failure_reasons: pa.Table


def pipeline_health(findings: Findings) -> pa.Table:
    """One row (schema `PIPELINE_HEALTH`) for each pipeline with a run in the window, sorted by pipeline."""
    return pa.Table.from_pylist(list(_rows(findings)), schema=PIPELINE_HEALTH)


def _rows(findings: Findings) -> Iterator[Row]:
    history = findings.history
    now, worse_days = _now(findings.failure_trends), _worse_days(findings.failure_trends)
    silences, hanging, reasons = (
        _by_pipeline(table) for table in (findings.silences, findings.hanging_runs, findings.failure_reasons)
    )
    stretches = defaultdict(list)
    for stretch in findings.stretches.within(to_us(history.window.start)):
        stretches[stretch.pipeline].append(stretch)
    for number, activity in sorted(activities(history).items()):
        pipeline_id = history.pipelines[number]
        evidence = Evidence(
            history=history,
            activity=activity,
            stretches=stretches[number],
            silences=silences[pipeline_id],
            hanging=hanging[pipeline_id],
            now=now.get(pipeline_id),
            worse_days=worse_days[pipeline_id],
        )
        state, since = state_of(evidence)
        silence = evidence.open_silence
        yield {
            **history.about(number, findings.names),
            "state": state.value,
            "since": since,
            "expected_by": silence["expected_by"] if silence else None,
            **_reason(reasons[pipeline_id], history.last_day),
            **_failing(evidence.open_stretch),
            **_last_24_hours(evidence.now),
            **_lately(activity),
            **_recoveries(stretches[number]),
            **_durations(findings.durations, number),
            **_version(findings.versions.get(number)),
            "hanging_runs": len(hanging[pipeline_id]),
            "source_read_until": history.read_until,
        }


def _now(trends: pa.Table) -> dict[str | None, Row]:
    is_now = pc.and_(pc.equal(trends["scope"], PIPELINE), pc.equal(trends["period"], NOW))
    return {row["pipeline_id"]: row for row in trends.filter(is_now).to_pylist()}


def _worse_days(trends: pa.Table) -> Mapping[str | None, set[date]]:
    is_day = pc.and_(pc.equal(trends["scope"], PIPELINE), pc.equal(trends["period"], DAY))
    worse = trends.filter(pc.and_(is_day, pc.equal(trends["verdict"], WORSE))).select(["pipeline_id", "date"])
    days: defaultdict[str | None, set[date]] = defaultdict(set)
    for row in worse.to_pylist():
        days[row["pipeline_id"]].add(row["date"])
    return days


def _by_pipeline(table: pa.Table) -> Mapping[str | None, list[Row]]:
    rows: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in table.to_pylist():
        rows[row["pipeline_id"]].append(row)
    return rows


def _reason(reasons: list[Row], today: date) -> Row:
    """The reason of most failures on the newest day with any of the last 28."""
    lately = [row for row in reasons if today - row["date"] <= timedelta(days=BASELINE_DAYS)]
    newest = max((row["date"] for row in lately), default=None)
    of_the_day = (row for row in lately if row["date"] == newest)
    main = min(of_the_day, key=lambda row: (-row["runs"], row["reason"]), default=None)
    return {"reason": main["reason"], "reason_category": main["category"], "reason_side": main["side"]} if main else {}


def _failing(stretch: Stretch | None) -> Row:
    if stretch is None:
        return {"failures": 0}
    return {
        "failures": stretch.failures,
        "failing_since": stretch.failing_since,
        "alert_after": stretch.alert_after,
        "confirmed_at": stretch.confirmed_at,
        "sites_affected": stretch.sites_affected,
        "first_failed_run_id": stretch.first_run_id,
        "latest_failed_run_id": stretch.latest_run_id,
    }


def _last_24_hours(now: Row | None) -> Row:
    if now is None:
        return {"decided_24h": 0, "failed_24h": 0}
    rates = ("decided", "failed", "failure_rate")
    ends = {f"failure_rate_24h_{end}": now[f"failure_rate_{end}"] for end in ("low", "high")}
    return {**{f"{name}_24h": now[name] for name in rates}, **ends, "normal_rate": now["baseline_rate"]}


def _lately(activity: Activity) -> Row:
    row = asdict(activity)
    del row["first_failure_28d_at"]
    return row


def _recoveries(stretches: list[Stretch]) -> Row:
    took = [
        (stretch.ended_at - stretch.failing_since) / SECOND_US for stretch in stretches if stretch.ended_at is not None
    ]
    return {"recoveries": len(took), "median_recovery_seconds": median(took) if took else None}


def _durations(durations: Durations, number: int) -> Row:
    return {
        "duration_p50_7d_seconds": _known(durations.recent[number]),
        "duration_p50_28d_seconds": _known(durations.earlier[number]),
        "slower_ratio": _known(durations.ratio[number]),
        "is_slower": bool(durations.is_slower[number]),
    }


def _version(change: VersionChange | None) -> Row:
    if change is None:
        return {}
    return {
        "version": change.version,
        "previous_version": change.previous,
        "version_difference": change.difference,
        "version_difference_low": change.low,
        "version_difference_high": change.high,
        "version_p_value": change.p_value,
    }


def _known(number: np.float64) -> float | None:
    return None if np.isnan(number) else float(number)
