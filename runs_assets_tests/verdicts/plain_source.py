"""Whether many pipelines of a source fail, or do not run, at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil, comb
from typing import Any

from runs_assets_tests.verdicts.plain_runs import DAY, MONTH, History, Run
from runs_assets_tests.verdicts.plain_statistics import Counts, beta_binomial_tail, fisher_tail, shape

Row = dict[str, Any]
Found = tuple[str, datetime, int | None, int, list[str | None], float | None]
HOUR = timedelta(hours=1)
COLUMNS = ("state", "since", "span_minutes", "active", "pipeline_ids", "usual", "common_dimension", "common_value")
SPANS = (30, 120, 720)
FOREVER = datetime.max.replace(tzinfo=UTC)


def source_health(history: History) -> list[Row]:
    row: Row = dict.fromkeys(COLUMNS)
    row |= {"source": history.source, "state": "ok", "active": 0, "affected": 0}
    if found := _all_silent(history) or _failing(history) or _missing(history):
        row |= dict(zip(COLUMNS, found, strict=False))
    if row["state"] in {"ok", "failing"}:
        row |= _common_cause(history, row["pipeline_ids"] or [])
    if row["pipeline_ids"]:
        row["pipeline_ids"] = sorted(row["pipeline_ids"], key=lambda name: (name is None, name))
        row["affected"] = len(row["pipeline_ids"])
    return [row | {"source_read_until": history.read_until}]


def longest_usual(times: list[datetime], factor: float) -> timedelta | None:
    """The longest time between two of them that was not far too long when it happened, of the last 28 days."""
    usual: list[tuple[datetime, timedelta]] = []  # longest first; a shorter one that came before a longer never counts
    for begins, ends in pairwise(times):
        usual = [(ended, gap) for ended, gap in usual if ended > begins - MONTH]
        if begins - times[0] < MONTH or not usual or ends - begins <= factor * usual[0][1]:
            usual = [*((ended, gap) for ended, gap in usual if gap > ends - begins), (ends, ends - begins)]
    return max((gap for ended, gap in usual if ended > times[-1] - MONTH), default=None)


def _all_silent(history: History) -> Found | None:
    until = history.read_until
    runs = sorted((run for runs in history.by_pipeline.values() for run in runs), key=lambda run: run.created_at)
    longest = longest_usual([run.created_at for run in runs], 1.5)
    if longest is None or not history.was_read(until - MONTH, until):
        return None
    last = runs[-1].created_at
    if until - last <= max(1.5 * longest, timedelta(minutes=15)):
        return None
    lately = {run.pipeline for run in runs if run.created_at > last - DAY}
    return "silent", last, None, len(lately), list(lately), None


def _failing(history: History) -> Found | None:
    until = history.read_until
    shorter: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
    for minutes in SPANS:
        for by_any, chance in ((False, 1e-5), (True, 5e-5)):
            active, members, usual, since = _failing_within(history, timedelta(minutes=minutes), by_any=by_any)
            if len(members) >= 5 and (len(members) >= 8 or len(members) >= 0.15 * active):
                is_over = _is_over(active, len(members), shorter[by_any])
                if _binomial_tail(len(members), active, usual / active) <= chance and not is_over:
                    return "failing", since or until, minutes, active, members, usual
            shorter[by_any].append((active, len(members)))
    return None


def _common_cause(history: History, known: Sequence[str | None]) -> Row:
    """Of the workspace or site whose pipelines fail while others do not, if most of those `known` to fail are of it."""
    values = [*_values(history)]
    before: dict[tuple[str, str], list[Counts]] = defaultdict(list)
    for minutes in SPANS:
        span, holding = timedelta(minutes=minutes), []
        for key in values:
            active, members, usual, since = _failing_within(history, span, key)
            others, failing_others, _, _ = _failing_within(history, span, key, of_others=True)
            if len(members) >= 5 and len(members) >= 0.6 * active and not _is_over(active, len(members), before[key]):
                chance = _binomial_tail(len(members), active, usual / active)
                rest = fisher_tail((active, len(members)), (others, len(failing_others)))
                if chance <= 1e-5 / len(values) and rest <= 0.001:
                    found = ("failing", since, minutes, active, members, usual, *key)
                    holding.append((chance, key, found))
            before[key].append((active, len(members)))
        if holding:
            ordered = (found for _, _, found in sorted(holding, key=lambda it: it[:2]))
            fitting = (found for found in ordered if 10 * len({*known} & {*found[4]}) >= 8 * len(known))
            return dict(zip(COLUMNS, next(fitting, ()), strict=False))
    return {}


def _values(history: History) -> Iterator[tuple[str, str]]:
    """The workspaces and sites of at least 5 pipelines that count."""
    of_pipelines: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for pipeline, runs in history.decided.items():
        if _usual_rate(history, runs) < 0.2:
            for run in runs:
                if run.ended_at > history.read_until - timedelta(minutes=SPANS[-1]):
                    of_pipelines["workspace", str(run.workspace)].add(pipeline)
                    of_pipelines["site", str(run.site)].add(pipeline)
    yield from (key for key, pipelines in of_pipelines.items() if len(pipelines) >= 5 and key[1] != "None")


def _is_over(active: int, count: int, shorter: Iterable[Counts]) -> bool:
    """Whether far fewer fail in a shorter span than if all went on."""
    return any(count / active * others >= 5 and few <= count / active * others / 4 for others, few in shorter)


def _usual_rate(history: History, runs: Iterable[Run]) -> float:
    end = history.read_until - timedelta(minutes=SPANS[-1])
    past = [run for run in runs if end - MONTH < run.ended_at <= end]
    return (sum(run.failed for run in past) + 0.5) / (len(past) + 1)


def _failing_within(
    history: History,
    span: timedelta,
    key: tuple[str, str] | None = None,
    *,
    of_others: bool = False,
    by_any: bool = False,
) -> tuple[int, list[str | None], float, datetime | None]:
    """By all runs, or those of a workspace or site, or those that are not; by half of them, or by any failure."""
    active, members, usual, failures = 0, [], 0.0, []
    for pipeline, runs in history.decided.items():
        rate = _usual_rate(history, runs)
        inside = [run for run in runs if run.ended_at > history.read_until - span]
        if key:
            inside = [run for run in inside if (getattr(run, key[0]) == key[1]) is not of_others]
        if rate >= 0.2 or not inside:
            continue
        active += 1
        usual += beta_binomial_tail(1 if by_any else ceil(len(inside) / 2), len(inside), *shape(rate, 0.1))
        failed = [run for run in inside if run.failed]
        if failed if by_any else 2 * len(failed) >= len(inside) and inside[-1].failed:
            members.append(pipeline)
            failures += [run.ended_at for run in failed]
    return active, members, usual, min(failures, default=None)


def _binomial_tail(at_least: int, trials: int, chance: float) -> float:
    return sum(comb(trials, x) * chance**x * (1 - chance) ** (trials - x) for x in range(at_least, trials + 1))


def _missing(history: History) -> Found | None:
    until = history.read_until
    if not history.was_read(until - 35 * DAY, until):
        return None
    for minutes in SPANS:
        start, end = until - HOUR - timedelta(minutes=minutes), until - HOUR
        expected = [
            pipeline
            for pipeline, runs in history.by_pipeline.items()
            if all(_ran(runs, start - weeks * 7 * DAY, end - weeks * 7 * DAY) for weeks in (1, 2, 3, 4))
        ]
        missing = [name for name in expected if not _ran(history.by_pipeline[name], start - HOUR, FOREVER)]
        if len(missing) >= 5 and len(missing) >= 0.6 * len(expected):
            return "silent", start, minutes, len(expected), missing, None
    return None


def _ran(runs: Iterable[Run], after: datetime, until: datetime) -> bool:
    return any(after < run.created_at <= until for run in runs)
