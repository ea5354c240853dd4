"""Runs that people leave out of rates, such as those of a weekly maintenance: how they ended says little."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, to_us
from runs_assets.status import RunStatus
from runs_assets.verdicts.source_history import SourceHistory, read_days
from runs_assets.watch_entries import Subject
from runs_assets.watch_file import WatchFile

Intervals = tuple[tuple[datetime, datetime], ...]


def without_left_out(history: SourceHistory, names: Mapping[str, str], watch: WatchFile) -> SourceHistory:
    """The history in which the completed runs that the watch file leaves out of rates were cancelled.

    A cancelled run is in no rate and in no streak of failures, but it did run. Rates of days before `read_days` stay as
    they are: of their runs nothing but the sums is known.
    """
    is_left_out = _are_left_out(history, names, watch)
    if not is_left_out.any():
        return history
    statuses = history.runs["status"]
    is_failed, is_succeeded = statuses == RunStatus.FAILED, statuses == RunStatus.SUCCEEDED
    is_left_out &= (is_failed | is_succeeded).to_numpy()
    chosen = history.runs.loc[is_left_out, ["pipeline", "created_us"]]
    counts = chosen.assign(day=chosen["created_us"] // DAY_US, failed=is_failed[is_left_out])
    counts = counts.groupby(["pipeline", "day"])["failed"].agg(completed="size", failed="sum").reset_index()
    found = history.rates[["pipeline", "day"]].merge(counts, how="left").fillna(0)
    fewer = {name: history.rates[name] - found[name].to_numpy(np.int64) for name in ("completed", "failed")}
    cancelled = statuses.astype(object).mask(is_left_out, RunStatus.CANCELLED.value).astype("category")
    return replace(history, rates=history.rates.assign(**fewer), runs=history.runs.assign(status=cancelled))


def _are_left_out(history: SourceHistory, names: Mapping[str, str], watch: WatchFile) -> NDArray[np.bool_]:
    """Which of the `runs` were created within an interval of their pipeline."""
    found = np.zeros(len(history.runs), np.bool_)
    created_us = history.runs["created_us"]
    for intervals, numbers in _by_intervals(history, names, watch).items():
        found |= history.runs["pipeline"].isin(numbers).to_numpy() & _are_inside(created_us, intervals)
    return found


def _by_intervals(history: SourceHistory, names: Mapping[str, str], watch: WatchFile) -> Mapping[Intervals, list[int]]:
    """The numbers of the pipelines that have the same ones."""
    days = read_days(history.window)
    pipelines: defaultdict[Intervals, list[int]] = defaultdict(list)
    for number, pipeline in enumerate(history.pipelines):
        subject = Subject(history.source, pipeline, names.get(pipeline or ""))
        if intervals := watch.left_out(subject, days.start, days.end):
            pipelines[tuple(intervals)].append(number)
    return pipelines


def _are_inside(instants_us: Any, intervals: Iterable[tuple[datetime, datetime]]) -> NDArray[np.bool_]:
    """Whether more intervals have begun than ended at each instant (microseconds); they may overlap."""
    starts, ends = (np.sort([to_us(instant) for instant in one]) for one in zip(*intervals, strict=True))
    begun, ended = (np.searchsorted(edges, instants_us, side="right") for edges in (starts, ends))
    return np.asarray(begun > ended)
