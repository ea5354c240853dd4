"""Each day's failure rate and that of the last 24 hours against the 28 days before: a row at a time."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from runs_assets_tests.verdicts.plain_outages import touched_by_confirmed
from runs_assets_tests.verdicts.plain_runs import DAY, History, Run, day_of, days_before
from runs_assets_tests.verdicts.plain_statistics import (
    Counts,
    benjamini_hochberg,
    beta_binomial_tail,
    dispersion,
    rate,
    shape,
    wilson,
)

ByDay = dict[date, Counts]
Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is judged: a pipeline, or the whole source."""

    scope: str
    pipeline: str | None
    counts: ByDay
    touched: frozenset[date] = frozenset()


def failure_trends(history: History) -> list[Row]:
    by_pipeline = _counts(history)
    pipelines = [_pipeline(history, pipeline, counts) for pipeline, counts in by_pipeline.items()]
    nothing = dict.fromkeys((stored.day for stored in history.days), (0, 0))
    source = Subject("source", None, _sums([nothing, *by_pipeline.values()]))
    of_pipelines = [
        *(row for subject in pipelines for row in _day_rows(history, subject)),
        *(row for subject in pipelines for row in _now_rows(history, subject, _latest(history, subject.pipeline))),
    ]
    everything = [run for pipeline in by_pipeline for run in _latest(history, pipeline)]
    of_source = [*_day_rows(history, source), *_now_rows(history, source, everything)]
    _set_q_values(of_pipelines)
    for row in of_source:
        row["q_value"] = row["p_value"]
    for row in (*of_pipelines, *of_source):
        row["verdict"] = _verdict(row, judged=row["date"] in history.window)
    return [*of_pipelines, *of_source]


def _counts(history: History) -> dict[str | None, ByDay]:
    """Decided and failed runs of each pipeline on each stored day on which it has a run, be it a dry one."""
    whole = {stored.day: stored.is_whole for stored in history.days}
    found: dict[str | None, ByDay] = defaultdict(dict)
    for run in history.runs:
        day = day_of(run.created_at)
        if day not in whole:
            continue
        decided, failed = found[run.pipeline].get(day, (0, 0))
        is_part = day in history.window and not whole[day]
        counts = run.is_decided and not run.dry and (not is_part or _is_ripe(history, run))
        found[run.pipeline][day] = (decided + counts, failed + (counts and run.failed))
    return found


def _is_ripe(history: History, run: Run) -> bool:
    """Whether a run is old enough to have ended, be it as a success or as a failure."""
    return run.created_at <= history.read_until - timedelta(seconds=history.p95.get(run.pipeline) or 0)


def _pipeline(history: History, pipeline: str | None, counts: ByDay) -> Subject:
    touched = touched_by_confirmed(history, pipeline) if pipeline in history.by_pipeline else set()
    return Subject("pipeline", pipeline, counts, frozenset(touched))


def _sums(counts: Iterable[ByDay]) -> ByDay:
    found: ByDay = {}
    for by_day in counts:
        for day, (decided, failed) in by_day.items():
            n, f = found.get(day, (0, 0))
            found[day] = (n + decided, f + failed)
    return found


def _latest(history: History, pipeline: str | None) -> list[Run]:
    return [run for run in history.by_pipeline.get(pipeline, []) if history.is_recent(run.created_at, DAY)]


def _day_rows(history: History, subject: Subject) -> Iterable[Row]:
    final = {stored.day: stored.is_final for stored in history.days}
    for day, counts in subject.counts.items():
        yield {
            **_head(history, subject, "day", day),
            "is_final": final[day],
            **_rates(counts, ""),
            **_rates(_sum_before(subject, day, 7), "_7d"),
            **_rates(_sum_before(subject, day, 28), "_28d"),
            **_judged(history, subject, counts, day, day),
        }


def _now_rows(history: History, subject: Subject, runs: Sequence[Run]) -> Iterable[Row]:
    """One row, or none if there was no run in the last 24 hours."""
    if not runs:
        return
    ripe = [run for run in runs if run.is_decided and _is_ripe(history, run)]
    counts = (len(ripe), sum(run.failed for run in ripe))
    names = _rates((0, 0), "_7d") | _rates((0, 0), "_28d")
    yield {
        **_head(history, subject, "now", history.last_day),
        "is_final": False,
        **_rates(counts, ""),
        **dict.fromkeys(names),
        **_judged(history, subject, counts, history.last_day, day_of(history.read_until - DAY)),
    }


def _head(history: History, subject: Subject, period: str, day: date) -> Row:
    return {
        "source": history.source,
        "scope": subject.scope,
        "pipeline_id": subject.pipeline,
        "period": period,
        "date": day,
    }


def _rates(counts: Counts, suffix: str) -> Row:
    decided, failed = counts
    low, high = wilson(failed, decided)
    return {
        f"decided{suffix}": decided,
        f"failed{suffix}": failed,
        f"failure_rate{suffix}": rate(failed, decided),
        f"failure_rate{suffix}_low": low,
        f"failure_rate{suffix}_high": high,
    }


def _sum_before(subject: Subject, last: date, days: int) -> Counts:
    found = [subject.counts.get(day, (0, 0)) for day in days_before(last + DAY, days)]
    return sum(n for n, _ in found), sum(f for _, f in found)


def _judged(history: History, subject: Subject, counts: Counts, day: date, before: date) -> Row:
    """The 28 final days before `before`, and how likely so many failures would be by them."""
    final = {stored.day for stored in history.days if stored.is_final}
    found = [subject.counts.get(past, (0, 0)) for past in days_before(before) if past in final - subject.touched]
    days = [(n, f) for n, f in found if n]
    decided, failed, spread = sum(n for n, _ in days), sum(f for _, f in days), dispersion(days)
    can_tell = day in history.window and counts[0] >= 1 and decided >= 20 and len(days) >= 7
    return {
        "baseline_days": len(days),
        "baseline_decided": decided,
        "baseline_failed": failed,
        "baseline_rate": rate(failed, decided),
        "baseline_dispersion": spread,
        "p_value": _p_value(counts, (decided, failed), spread) if can_tell else None,
    }


def _p_value(counts: Counts, baseline: Counts, spread: float) -> float:
    """The larger of the chances by the baseline's number of runs and by how much its days differ."""
    (decided, failed), (n, f) = counts, baseline
    by_size = beta_binomial_tail(failed, decided, f + 0.5, n - f + 0.5)
    if not spread:
        return by_size
    return max(by_size, beta_binomial_tail(failed, decided, *shape((f + 0.5) / (n + 1), spread)))


def _set_q_values(rows: Sequence[Row]) -> None:
    families: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in rows:
        families[row["period"], row["date"]].append(row)
    for family in families.values():
        q_values = benjamini_hochberg(
            {row["pipeline_id"]: row["p_value"] for row in family if row["p_value"] is not None}
        )
        for row in family:
            row["q_value"] = q_values.get(row["pipeline_id"])


def _verdict(row: Row, *, judged: bool) -> str | None:
    if not judged:
        return None
    if row["p_value"] is None:
        return "too few runs"
    gain = Fraction(row["failed"], row["decided"]) - Fraction(row["baseline_failed"], row["baseline_decided"])
    is_worse = row["q_value"] <= 0.05 and row["failed"] >= 3 and gain >= Fraction(1, 10)
    return "worse" if is_worse else "normal"
