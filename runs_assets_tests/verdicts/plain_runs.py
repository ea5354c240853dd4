"""What is stored of a source, read without the product: its runs from the raw lines, and what its days are worth."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq
import zstandard

from runs_assets_tests.contract.truth import canonical
from runs_assets_tests.verdicts.plain_statistics import Counts, quantile

DAY = timedelta(days=1)
MONTH = 28 * DAY


@dataclass(frozen=True)
class Run:
    """What a run shows, as far as verdicts depend on it."""

    run_id: str
    pipeline: str | None
    status: str
    is_terminal: bool
    dry: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    observed_at: datetime
    version: str | None = None
    site: str | None = None
    workspace: str | None = None
    exit_code: int | None = None

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    @property
    def succeeded(self) -> bool:
        return self.status == "succeeded"

    @property
    def is_decided(self) -> bool:
        return self.failed or self.succeeded

    @property
    def ended_at(self) -> datetime:
        return max(self.created_at, self.finished_at or self.created_at)

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class StoredDay:
    """What the file of a day's failure rates says of the reading behind it."""

    day: date
    is_whole: bool
    is_final: bool
    read_started_at: datetime

    @property
    def seen_until(self) -> datetime:
        return end_of(self.day) if self.is_whole else min(end_of(self.day), self.read_started_at)


@dataclass(frozen=True)
class History:
    """A source's runs, dry ones too, and its days, at least one; `window_days` up to the newest of them are judged."""

    source: str
    runs: Sequence[Run]
    days: Sequence[StoredDay]
    window_days: int = 90

    @cached_property
    def read_until(self) -> datetime:
        return max(day.seen_until for day in self.days)

    @property
    def last_day(self) -> date:
        return day_of(self.read_until - timedelta(microseconds=1))

    @cached_property
    def window(self) -> frozenset[date]:
        return frozenset(days_before(max(stored.day for stored in self.days) + DAY, self.window_days))

    @cached_property
    def window_start(self) -> datetime:
        return start_of(min(self.window))

    @cached_property
    def by_pipeline(self) -> dict[str | None, list[Run]]:
        """Runs that count: not dry, created in the window or the 28 days before it; in order of their creation."""
        first = min(self.window) - MONTH
        found = defaultdict(list)
        for run in sorted(self.real_runs, key=lambda run: (run.created_at, run.run_id)):
            if first <= day_of(run.created_at):
                found[run.pipeline].append(run)
        return dict(found)

    @cached_property
    def real_runs(self) -> list[Run]:
        """All runs of the stored days but dry ones."""
        stored = {stored.day for stored in self.days}
        return [run for run in self.runs if not run.dry and day_of(run.created_at) in stored]

    @cached_property
    def decided(self) -> dict[str | None, list[Run]]:
        """Each pipeline's decided runs in the order in which they ended."""
        return {
            pipeline: sorted((run for run in runs if run.is_decided), key=lambda run: (run.ended_at, run.run_id))
            for pipeline, runs in self.by_pipeline.items()
        }

    @cached_property
    def decided_by_day(self) -> dict[str | None, dict[date, Counts]]:
        """How many of each pipeline's runs were decided, and how many failed, by the day on which they ended."""
        found: dict[str | None, dict[date, Counts]] = {pipeline: {} for pipeline in self.decided}
        for pipeline, runs in self.decided.items():
            for run in runs:
                decided, failed = found[pipeline].get(day_of(run.ended_at), (0, 0))
                found[pipeline][day_of(run.ended_at)] = (decided + 1, failed + run.failed)
        return found

    @cached_property
    def created_by_day(self) -> dict[str | None, Counter[date]]:
        """How many of each pipeline's runs were created, by day, also before the window and its baseline."""
        found: dict[str | None, Counter[date]] = defaultdict(Counter)
        for run in self.real_runs:
            found[run.pipeline][day_of(run.created_at)] += 1
        return found

    @cached_property
    def whole_days(self) -> frozenset[date]:
        return frozenset(stored.day for stored in self.days if stored.is_whole)

    def was_read(self, start: datetime, end: datetime) -> bool:
        """Whether every run created in [start, end) is known."""
        seen = {stored.day: stored.seen_until for stored in self.days}
        last = day_of(end - timedelta(microseconds=1))
        days = [day_of(start) + n * DAY for n in range((last - day_of(start)).days)]
        return self.whole_days.issuperset(days) and last in seen and seen[last] >= end

    @cached_property
    def p95(self) -> dict[str | None, float | None]:
        """The 95 % quantile of the durations of each pipeline's successes of the last 28 days, seconds."""
        return {pipeline: quantile(self.success_seconds(pipeline, MONTH), 0.95) for pipeline in self.decided}

    def is_recent(self, instant: datetime, span: timedelta) -> bool:
        """Whether an instant lies after read_until - span; a run may have been seen to end after read_until."""
        return self.read_until - span < instant

    def success_seconds(self, pipeline: str | None, after: timedelta, until: timedelta | None = None) -> list[float]:
        """Durations of successes that ended after read_until - after, and not after read_until - until if it is given."""
        first = self.read_until - after
        last = datetime.max.replace(tzinfo=UTC) if until is None else self.read_until - until
        ended = (run for run in self.decided.get(pipeline, []) if run.succeeded and first < run.ended_at <= last)
        return [run.seconds for run in ended if run.seconds is not None]


def stored_history(data: Path, source: str, platform: str, window_days: int = 90) -> History:
    """What a data folder holds of a source: `<data>/raw_runs/` for its runs, `<data>/failure_rates/` for its days."""
    days = sorted(data.glob(f"failure_rates/source={source}/date=*/part-0.parquet"))
    raw = sorted(data.glob(f"raw_runs/source={source}/date=*/part-0.jsonl.zst"))
    runs = [run for path in raw for run in _runs(path, platform)]
    return History(source, runs, [_stored_day(path) for path in days], window_days)


def _runs(path: Path, platform: str) -> Iterable[Run]:
    with zstandard.open(path, "rb") as file:
        for line in file.read().splitlines():
            yield _run(json.loads(line), platform)


def _run(line: dict[str, object], platform: str) -> Run:
    printed, observed_at = line["run"], line["observed_at"]
    assert isinstance(printed, dict)
    assert isinstance(observed_at, str)
    row = canonical(platform, printed)
    return Run(
        run_id=row["run_id"],
        pipeline=row["pipeline_id"],
        status=row["status"],
        is_terminal=row["is_terminal"],
        dry=row["dry_run"] is True,
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        observed_at=datetime.fromisoformat(observed_at),
        version=row["pipeline_version"],
        site=row["site_id"],
        workspace=row["workspace_id"],
        exit_code=row["exit_code"],
    )


def _stored_day(path: Path) -> StoredDay:
    day = date.fromisoformat(path.parent.name.removeprefix("date="))
    said = {name.decode(): value.decode() for name, value in pq.read_schema(path).metadata.items()}
    as_of = said["complete_as_of"]
    return StoredDay(
        day=day,
        is_whole=bool(as_of) and datetime.fromisoformat(as_of) >= end_of(day),
        is_final=said["settled"] == "true",
        read_started_at=datetime.fromisoformat(said["read_started_at"]),
    )


def day_of(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def end_of(day: date) -> datetime:
    return start_of(day + DAY)


def days_before(day: date, count: int = 28) -> list[date]:
    """The `count` days before a day, oldest first."""
    return [day - n * DAY for n in range(count, 0, -1)]
