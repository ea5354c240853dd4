"""The runs of each day, of every pipeline and of a source as a whole, and what of the days is known."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import DayRange
from runs_assets.statistics.intervals import rate_with_interval
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import Lineage, load_table
from runs_assets.verdicts.failure_trends import DAY, PIPELINE, SOURCE, WORSE

SUMMED = ["runs", "dry_runs", "succeeded", "failed", "open"]
COPIED = ["failure_rate", "failure_rate_low", "failure_rate_high", "duration_p50_seconds", "duration_p95_seconds"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DayCounts:
    """The runs that were created on a UTC day, of a pipeline or of a source.

    `is_read` is whether the day is stored (else all counts are 0 and say nothing), `is_whole` whether it was read to
    its end, `is_final` whether it was settled. `runs` are all of them, `completed` those that succeeded or failed, the
    rates `failed / completed` with its 95 % Wilson interval, the durations (seconds) those of successes. `usual_rate`
    and `is_worse` are of `failure_trends`: what was usual before the day, and whether the day was judged to be worse.
    """

    date: date
    is_read: bool
    is_whole: bool
    is_final: bool
    runs: int = 0
    dry_runs: int = 0
    completed: int = 0
    failed: int = 0
    open: int = 0
    failure_rate: float | None = None
    failure_rate_low: float | None = None
    failure_rate_high: float | None = None
    duration_p50_seconds: float | None = None
    duration_p95_seconds: float | None = None
    usual_rate: float | None = None
    is_worse: bool = False


@dataclass(frozen=True)
class DayRates:
    """The rows of a source's `failure_rates`, with their `date`, the newest day first, and the days' lineages."""

    rows: pa.Table
    lineages: Mapping[date, Lineage]


UsualDays = Mapping[tuple[str | None, date], tuple[float | None, bool]]
"""By pipeline id and day, what was usual before it, and whether it was worse."""


def stored_rates(layout: Layout, source: str, days: DayRange) -> DayRates:
    """What is stored of some days; raises `StorageError` if a file cannot be read."""
    schema, lineages = FAILURE_RATES.schema.insert(0, pa.field("date", pa.date32())), {}
    tables = [schema.empty_table()]
    for day in reversed([day for day in layout.stored_days(FAILURE_RATES.name, source) if day in days]):
        rates, lineages[day] = load_table(layout, FAILURE_RATES.name, source, day, FAILURE_RATES.schema.names)
        tables.append(rates.replace_schema_metadata().add_column(0, "date", pa.repeat(pa.scalar(day), rates.num_rows)))
    return DayRates(pa.concat_tables(tables), lineages)


def pipeline_days(stored: DayRates, trends: pa.Table, days: DayRange) -> Mapping[str | None, Sequence[DayCounts]]:
    """All of the days of each pipeline that ran on one of them, ascending, by its id."""
    return _filled(stored.lineages, stored.rows, _usual(trends, PIPELINE), days)


def source_days(stored: DayRates, trends: pa.Table, days: DayRange) -> Sequence[DayCounts]:
    """All of the days, ascending, of all pipelines together; durations are not known."""
    usual = _usual(trends, SOURCE)
    return _filled(stored.lineages, _totals(stored), usual, days).get(None) or blank_days(stored.lineages, days)


def _filled(
    lineages: Mapping[date, Lineage], rates: pa.Table, usual: UsualDays, days: DayRange
) -> Mapping[str | None, Sequence[DayCounts]]:
    blank = blank_days(lineages, days)
    found: defaultdict[str | None, list[DayCounts]] = defaultdict(blank.copy)
    for pipeline_id, day, counts in _counts(rates):
        usual_rate, is_worse = usual.get((pipeline_id, day), (None, False))
        place = (day - days.first).days
        found[pipeline_id][place] = DayCounts(
            date=day,
            is_read=True,
            is_whole=blank[place].is_whole,
            is_final=blank[place].is_final,
            usual_rate=usual_rate,
            is_worse=is_worse,
            **counts,
        )
    return found


def blank_days(lineages: Mapping[date, Lineage], days: DayRange) -> list[DayCounts]:
    """All of the days, ascending, without any runs."""
    return [_blank(day, lineages.get(day)) for day in reversed(days.newest_first())]


def _blank(day: date, lineage: Lineage | None) -> DayCounts:
    if lineage is None:
        return DayCounts(date=day, is_read=False, is_whole=False, is_final=False)
    return DayCounts(date=day, is_read=True, is_whole=lineage.read.is_whole(day), is_final=lineage.settled)


def _counts(rates: pa.Table) -> Iterator[tuple[str | None, date, dict[str, Any]]]:
    rates = rates.append_column("completed", pc.add(rates["succeeded"], rates["failed"])).drop_columns("succeeded")
    names = [name for name in [*SUMMED, "completed", *COPIED] if name != "succeeded"]
    columns = (rates[name].to_pylist() for name in ["pipeline_id", "date", *names])
    for pipeline_id, day, *values in zip(*columns, strict=True):
        yield pipeline_id, day, dict(zip(names, values, strict=True))


def _totals(stored: DayRates) -> pa.Table:
    """A row for each day with runs, with the columns of the pipelines' rows."""
    summed = stored.rows.group_by("date", use_threads=False).aggregate([(name, "sum") for name in SUMMED])
    totals = summed.select(["date", *(f"{name}_sum" for name in SUMMED)]).rename_columns(["date", *SUMMED])
    failed, succeeded = (totals[name].to_numpy() for name in ("failed", "succeeded"))
    completed, unknown = failed + succeeded, pa.nulls(totals.num_rows, pa.float64())
    rates = [pa.array(values, from_pandas=True) for values in rate_with_interval(failed, completed)]
    for name, values in zip(COPIED, [*rates, unknown, unknown], strict=True):
        totals = totals.append_column(name, values)
    return totals.append_column("pipeline_id", pa.nulls(totals.num_rows, pa.string()))


def _usual(trends: pa.Table, scope: str) -> UsualDays:
    rows = trends.filter((pc.field("scope") == scope) & (pc.field("period") == DAY))
    columns = (rows[name].to_pylist() for name in ("pipeline_id", "date", "baseline_rate", "verdict"))
    return {(pipeline, day): (rate, verdict == WORSE) for pipeline, day, rate, verdict in zip(*columns, strict=True)}
