"""Why the runs of each pipeline and day failed: by exit code where there is one, else by the API's errors.

The rows of a pipeline and day always sum to its failed runs; those without an explanation are in a row `not known`. An
API counts errors, also of runs that recovered: it is trusted about the runs that it names, and of the others about as
many as failed.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache, cached_property

import pyarrow as pa

from runs_assets.days import DayRange, to_us
from runs_assets.reasons.details_files import PipelineErrors
from runs_assets.reasons.reason import NOT_KNOWN, Explanations, Reason
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema
from runs_assets.verdicts.source_history import BASELINE_DAYS

Errors = Mapping[date, Mapping[str, PipelineErrors]]
"""By day, then by pipeline id: see `runs_assets.reasons.details_files.load_error_groups`."""

SCHEMA = pipeline_schema(
    column("date", pa.date32(), "the UTC day on which the runs were created", nullable=False),
    column("reason", pa.string(), "an error's code, `exit code N`, or `not known`", nullable=False),
    column("category", pa.string(), "the kind of reason, in the platform's words", nullable=False),
    column("side", pa.string(), "who has to act: ours, platform, customer or unknown; for triage", nullable=False),
    column("runs", pa.int64(), "failed runs, not dry; shared in proportion if more errors are counted", nullable=False),
    column("first_seen_at", TIMESTAMP, "when the first of these runs ended, UTC", nullable=False),
    column("last_seen_at", TIMESTAMP, "when the last of these runs ended, UTC", nullable=False),
    column("example_run_id", pa.string(), "the last of these runs; null where the platform names none"),
    column("is_new", pa.bool_(), "true if all 28 days before are known and had no such reason", nullable=False),
)
FAILURE_REASONS = Table(
    name="failure_reasons",
    description="Why runs failed, by pipeline and day, and who has to act on it.",
    schema=SCHEMA,
    version="2",
    needs=("run_id", "pipeline_id", "exit_code", "ended_at", "date"),
    preview=("date", "reason", "category", "side", "runs", "is_new", "example_run_id"),
    preview_order=(("date", "descending"), ("runs", "descending")),
)


@dataclass(frozen=True)
class KnownReasons:
    """What tells why the runs of a source failed.

    The `explanations` of what its exit codes and errors mean, the `errors` that its API reported, and the ids of
    the pipelines that it lists (`listed`) as the account's own.
    """

    explanations: Explanations = field(default_factory=Explanations)
    errors: Errors = field(default_factory=dict)
    listed: Collection[str] = ()

    @cached_property
    def by_run(self) -> Mapping[str, Reason]:
        """The reason of each run that an error names, by its id; of several, that of the latest day."""
        found: dict[str, Reason] = {}
        if self.explanations.error is not None:
            for day in sorted(self.errors):
                for group in (group for pipeline in self.errors[day].values() for group in pipeline.groups):
                    found |= dict.fromkeys(group.run_ids, self.explanations.error(group))
        return found

    @cached_property
    def by_exit_code(self) -> Callable[[int | None, bool], Reason]:
        """What `Explanations.exit_code` says, each once: many runs share few reasons."""
        return cache(self.explanations.exit_code or (lambda _code, _is_own: NOT_KNOWN))

    def of(self, by_error: Reason | None, exit_code: int | None, pipeline_id: str | None) -> Reason:
        """That of a failed run: of the error that the API names it for, else of its exit code."""
        return self.by_exit_code(exit_code, pipeline_id in self.listed) if by_error is None else by_error

    def of_runs(self, failed: pa.Table) -> list[Reason]:
        """Those of some failed runs, which have the columns `FAILURE_REASONS.needs`, in their order."""
        columns = (failed[name].to_pylist() for name in ("run_id", "exit_code", "pipeline_id"))
        return [self.of(self.by_run.get(run_id), *others) for run_id, *others in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class _Row:
    pipeline_id: str | None
    day: date
    reason: Reason
    runs: int
    first_us: int
    last_us: int
    example: str | None

    def merged(self, other: "_Row") -> "_Row":
        """Both as one row, in the words of this one."""
        return replace(
            self,
            runs=self.runs + other.runs,
            first_us=min(self.first_us, other.first_us),
            last_us=max(self.last_us, other.last_us),
            example=self.example if self.last_us >= other.last_us and self.example else other.example or self.example,
        )


def failure_reasons(
    source: str,
    failed: pa.Table,
    days: DayRange,
    history_from: date,
    known: KnownReasons,
    names: Mapping[str, str],
) -> pa.Table:
    """One row (schema `SCHEMA`) per pipeline, day and reason, sorted by these; null pipelines last.

    `failed` has the columns `FAILURE_REASONS.needs` of one source's failed runs, dry ones left out, of `days` and the
    28 days before; only `days` get rows. `history_from` is the first stored day; `names` are those of pipelines, by id.
    """
    rows = _rows(failed, known)
    new = set(_new_ones(rows, history_from, known.errors if known.explanations.exit_code is None else None))
    shown = [row for row in rows if row.day in days]
    shown.sort(key=lambda row: (row.pipeline_id is None, row.pipeline_id or "", row.day, row.reason.reason))
    columns = {
        "source": [source] * len(shown),
        "pipeline_id": [row.pipeline_id for row in shown],
        "pipeline_name": [names.get(row.pipeline_id or "") for row in shown],
        "date": [row.day for row in shown],
        "reason": [row.reason.reason for row in shown],
        "category": [row.reason.category for row in shown],
        "side": [row.reason.attribution.value for row in shown],
        "runs": [row.runs for row in shown],
        "first_seen_at": pa.array([row.first_us for row in shown], pa.int64()).cast(TIMESTAMP),
        "last_seen_at": pa.array([row.last_us for row in shown], pa.int64()).cast(TIMESTAMP),
        "example_run_id": [row.example for row in shown],
        "is_new": [row in new for row in shown],
    }
    return pa.table(columns, schema=SCHEMA)


def _rows(failed: pa.Table, known: KnownReasons) -> Sequence[_Row]:
    found: dict[tuple[str | None, date, str], _Row] = {}
    for row in _by_reason(failed, known):
        errors = known.errors.get(row.day, {}).get(row.pipeline_id or "")
        parts = _shared_out(row, errors, known.explanations) if row.reason == NOT_KNOWN and errors else [row]
        for part in parts:
            key = (part.pipeline_id, part.day, part.reason.reason)
            found[key] = found[key].merged(part) if key in found else part
    return list(found.values())


def _by_reason(failed: pa.Table, known: KnownReasons) -> Iterator[_Row]:
    """Runs of a pipeline and day with one reason; there may be several such rows."""
    reasons = list(dict.fromkeys(known.by_run.values()))
    counted = _counted(failed, known.by_run, reasons, with_codes=known.explanations.exit_code is not None)
    for group in (row for batch in counted.to_batches(max_chunksize=1_000) for row in batch.to_pylist()):
        pipeline_id = group["pipeline_id"]
        by_error = None if group["named"] is None else reasons[group["named"]]
        reason = known.of(by_error, group.get("exit_code"), pipeline_id)
        first_us, last_us, example = (group[name] for name in ("ended_us_min", "ended_us_max", "run_id_last"))
        yield _Row(pipeline_id, group["date"], reason, group["count_all"], first_us, last_us, example)


def _counted(failed: pa.Table, named: Mapping[str, Reason], reasons: Sequence[Reason], *, with_codes: bool) -> pa.Table:
    """Runs by pipeline, day, exit code and the place of the reason that an error gave them (null without one)."""
    ordered = failed.select(FAILURE_REASONS.needs).sort_by([("ended_at", "ascending"), ("run_id", "ascending")])
    place_of = {reason: place for place, reason in enumerate(reasons)}
    places = {run_id: place_of[reason] for run_id, reason in named.items()}
    found = map(places.get, ordered["run_id"].to_pylist()) if places else [None] * ordered.num_rows
    runs = ordered.append_column("named", pa.array(found, pa.int64()))
    # Arrow's way from an instant to Python's is slow; numbers are fast.
    runs = runs.append_column("ended_us", ordered["ended_at"].cast(pa.int64()))
    keys = ["pipeline_id", "date", "named", *(["exit_code"] if with_codes else [])]
    aggregates = [([], "count_all"), ("ended_us", "min"), ("ended_us", "max"), ("run_id", "last")]
    return runs.group_by(keys, use_threads=False).aggregate(aggregates)


def _shared_out(unexplained: _Row, known: PipelineErrors, explanations: Explanations) -> Iterator[_Row]:
    """The unexplained runs of a pipeline and day, by the errors in runs that the API counted without naming them."""
    claims = [(group, group.runs - len(group.run_ids)) for group in known.groups if group.runs > len(group.run_ids)]
    left = unexplained.runs
    if explanations.error is not None:
        shares = _shares([claim for _, claim in claims], left)
        for (group, _), runs in zip(claims, shares, strict=True):
            if runs:
                first_us = _within(unexplained, group.first_seen_at, unexplained.first_us)
                last_us = max(first_us, _within(unexplained, group.last_seen_at, unexplained.last_us))
                reason = explanations.error(group)
                yield replace(unexplained, reason=reason, runs=runs, first_us=first_us, last_us=last_us, example=None)
                left -= runs
    if left:
        yield replace(unexplained, runs=left)


def _shares(claims: Sequence[int], most: int) -> list[int]:
    """The claims if they do not exceed `most`, else `most` in their proportion, by the largest remainders."""
    total = sum(claims)
    if total <= most:
        return list(claims)
    shares = [claim * most // total for claim in claims]
    by_remainder = sorted(range(len(claims)), key=lambda place: (-(claims[place] * most % total), place))
    for place in by_remainder[: most - sum(shares)]:
        shares[place] += 1
    return shares


def _within(row: _Row, at: datetime | None, otherwise_us: int) -> int:
    return min(max(to_us(at), row.first_us), row.last_us) if at else otherwise_us


def _new_ones(rows: Iterable[_Row], history_from: date, asked: Errors | None) -> Iterator[_Row]:
    """Those whose reason the pipeline did not have in the 28 days before, if these are known.

    They are if they are stored, and where reasons have to be asked for (`asked`), they were for every failure in them.
    """
    seen: defaultdict[tuple[str | None, str], list[date]] = defaultdict(list)
    not_asked: defaultdict[str | None, list[date]] = defaultdict(list)
    ordered = sorted(rows, key=lambda row: row.day)
    for row in ordered:
        seen[row.pipeline_id, row.reason.reason].append(row.day)
        if asked is not None and (row.pipeline_id or "") not in asked.get(row.day, {}):
            not_asked[row.pipeline_id].append(row.day)
    for row in ordered:
        start = row.day - timedelta(days=BASELINE_DAYS)
        before = (seen[row.pipeline_id, row.reason.reason], not_asked[row.pipeline_id])
        is_known = history_from <= start and row.reason != NOT_KNOWN
        if is_known and not any(_holds(dates, start, row.day) for dates in before):
            yield row


def _holds(dates: Sequence[date], start: date, end: date) -> bool:
    """Whether one of the sorted `dates` lies in [start, end)."""
    place = bisect_left(dates, start)
    return place < len(dates) and dates[place] < end
