"""Each day's failure rate, and those of the spans up to now, against 28 days before: a row at a time."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from runs_assets_tests.verdicts.plain_outages import stretches, touched_by_confirmed
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

SPANS = (("now", DAY, DAY), ("3 days", 3 * DAY, 3 * DAY), ("7 days", 7 * DAY, 7 * DAY), ("drift", 7 * DAY, 35 * DAY))
"""Each by its name, how long it is, and how long before `read_until` the 28 days ended with which it is compared."""


@dataclass(frozen=True)
class Subject:
    """What is judged: a pipeline, or the whole source; its `runs`, and first and last failures of outages now over."""

    scope: str
    pipeline: str | None
    counts: ByDay
    runs: Sequence[Run]
    touched: frozenset[date] = frozenset()
    outages: Sequence[tuple[datetime, datetime]] = ()


def failure_trends(history: History) -> list[Row]:
    by_pipeline = _counts(history)
    pipelines = [_pipeline(history, pipeline, counts) for pipeline, counts in by_pipeline.items()]
    nothing = dict.fromkeys((stored.day for stored in history.days), (0, 0))
    everything = [run for subject in pipelines for run in subject.runs]
    source = Subject("source", None, _sums([nothing, *by_pipeline.values()]), everything)
    of_pipelines, of_source = (
        [row for subject in subjects for row in (*_day_rows(history, subject), *_span_rows(history, subject))]
        for subjects in (pipelines, [source])
    )
    _set_q_values(of_pipelines)
    for row in of_source:
        row["q_value"] = row["p_value"]
    for row in (*of_pipelines, *of_source):
        why_not, tested = row.pop("why_not"), row.pop("tested")
        row["verdict"] = _verdict(row, why_not, tested, judged=row["date"] in history.window)
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
    if pipeline not in history.by_pipeline:
        return Subject("pipeline", pipeline, counts, ())
    over = [stretch for stretch in stretches(history, pipeline) if stretch.is_confirmed and stretch.ended_at]
    outages = tuple((stretch.failing_since, stretch.failures[-1].ended_at) for stretch in over)
    touched = frozenset(touched_by_confirmed(history, pipeline))
    return Subject("pipeline", pipeline, counts, history.by_pipeline[pipeline], touched, outages)


def _sums(counts: Iterable[ByDay]) -> ByDay:
    found: ByDay = {}
    for by_day in counts:
        for day, (decided, failed) in by_day.items():
            n, f = found.get(day, (0, 0))
            found[day] = (n + decided, f + failed)
    return found


def _day_rows(history: History, subject: Subject) -> Iterable[Row]:
    final = {stored.day: stored.is_final for stored in history.days}
    for day, counts in subject.counts.items():
        yield {
            **_head(history, subject, "day", day),
            "is_final": final[day],
            **_rates(counts, ""),
            **_rates(_sum_before(subject, day, 7), "_7d"),
            **_rates(_sum_before(subject, day, 28), "_28d"),
            "in_outages": None,
            **_judged(history, subject, counts, day, day),
        }


def _span_rows(history: History, subject: Subject) -> Iterable[Row]:
    """A row for each span in which a run was created."""
    for period, length, ago in SPANS:
        runs = [run for run in subject.runs if history.is_recent(run.created_at, length)]
        if not runs:
            continue
        ripe = [run for run in runs if run.is_decided and _is_ripe(history, run)]
        failed = [run for run in ripe if run.failed]
        newest = max(ripe, key=lambda run: (run.ended_at, run.failed), default=None)
        told = sum(any(first <= run.ended_at <= last for first, last in subject.outages) for run in failed)
        yield {
            **_head(history, subject, period, history.last_day),
            "is_final": False,
            **_rates((len(ripe), len(failed)), ""),
            **dict.fromkeys(_rates((0, 0), "_7d") | _rates((0, 0), "_28d")),
            "in_outages": told,
            **_judged(
                history,
                subject,
                (len(ripe) - told, len(failed) - told),
                history.last_day,
                day_of(history.read_until - ago),
                newest_failed=newest is not None and newest.failed,
            ),
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


def _judged(
    history: History, subject: Subject, counts: Counts, day: date, before: date, *, newest_failed: bool = False
) -> Row:
    """The 28 days before `before`, and how likely so many failures would be by them, but for a newest run."""
    month = [past for past in days_before(before) if past in history.whole_days]
    found = [subject.counts.get(past, (0, 0)) for past in month if past not in subject.touched]
    days = [(n, f) for n, f in found if n]
    decided, failed, spread = sum(n for n, _ in days), sum(f for _, f in days), dispersion(days)
    why_not = _why_not(len(month), days, counts[0])
    can_tell, tested = day in history.window and why_not is None, _without_one(counts) if newest_failed else counts
    return {
        "baseline_days": len(days),
        "baseline_decided": decided,
        "baseline_failed": failed,
        "baseline_rate": rate(failed, decided),
        "baseline_dispersion": spread,
        "why_not": why_not,
        "tested": tested,
        "p_value": _p_value(tested, (decided, failed), spread) if can_tell else None,
    }


def _why_not(whole_days: int, days: Sequence[Counts], decided: int) -> str | None:
    if whole_days < 7:
        return "fewer than 7 days read whole"
    if sum(n for n, _ in days) < 20:
        return "fewer than 20 completed runs in the 28 days before"
    if len(days) < 7:
        return "fewer than 7 days with completed runs"
    return None if decided else "no completed run to judge"


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


def _verdict(row: Row, why_not: str | None, tested: Counts, *, judged: bool) -> str | None:
    if not judged:
        return None
    if why_not:
        return f"not judged: {why_not}"
    (decided, failed), is_day = tested, row["period"] == "day"
    if failed < (3 if is_day else 4) or row["q_value"] > 0.05 or (not is_day and row["p_value"] > 0.0005):
        return "normal"
    gain = Fraction(failed, decided) - Fraction(row["baseline_failed"], row["baseline_decided"])
    return "worse" if gain >= Fraction(1, 10) else "normal"


def _without_one(counts: Counts) -> Counts:
    """Without the newest run, which failed; unless that is one of an outage, and left out already."""
    decided, failed = counts
    return (decided - 1, failed - 1) if failed else counts
