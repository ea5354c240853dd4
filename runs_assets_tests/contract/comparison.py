"""Comparing every file of a source with the truth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest

from runs_assets_tests.contract.truth import Canonical, Truth
from runs_assets_tests.project import Project

OUTCOMES = ("succeeded", "failed", "cancelled")


@dataclass
class Difference:
    """How the files differ from the truth; the ids in each list say where. Nothing differs if all are empty."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"lost {len(self.lost)}, duplicated {len(self.duplicated)}, stale {len(self.stale)}"


@dataclass
class Known:
    """Everything that was ever true of a platform's runs, as far as it was looked at."""

    states: dict[str, list[Canonical]] = field(default_factory=dict)

    def learn(self, truth: Truth) -> None:
        """Remember what exists now."""
        for run_id, run in truth.runs.items():
            self.states.setdefault(run_id, []).append(run)


def compare(
    project: Project, source: str, days: Sequence[date], before: Truth, after: Truth, known: Known
) -> Difference:
    """Compare all stored days with the truth; `days` are those that were just read, from `before` to `after`.

    A run is lost if it existed throughout the reading and is not in the files of its day; duplicated if there is
    more than one row of it, or one on a day on which it never was; stale if its row, or its raw line, is not what the
    platform showed. What a run that is no longer listed may show is anything that it ever was.
    """
    difference = Difference()
    stored = {day: project.table("runs", source, day) for day in project.layout.stored_days("runs", source)}
    _count_lost(difference, days, stored, before, after)
    for day, rows in stored.items():
        _check_rows(difference, day, rows, after if day in days else None, known)
        _check_raw(difference, project.raw(source, day), rows, after.printed if day in days else {})
        check_counts(project, source, day, rows)
    return difference


def _count_lost(
    difference: Difference, days: Sequence[date], stored: Mapping[date, list[dict[str, Any]]], *truths: Truth
) -> None:
    before, after = truths
    found = {(row["run_id"], day) for day, rows in stored.items() for row in rows}
    due = {(run_id, run["created_at"].date()) for run_id, run in after.runs.items() if run_id in before.runs}
    difference.lost += [run_id for run_id, day in due - found if day in days]


def _check_rows(difference: Difference, day: date, rows: list[dict[str, Any]], now: Truth | None, known: Known) -> None:
    times = Counter(row["run_id"] for row in rows)
    difference.duplicated += [run_id for run_id, count in times.items() for _ in range(count - 1)]
    for row in rows:
        run_id = row["run_id"]
        states = known.states.get(run_id, [])
        if not any(state["created_at"].date() == day for state in states):
            difference.duplicated.append(run_id)
            continue
        if now is not None and run_id in now.runs:
            states = [now.runs[run_id]]
        row = {name: value for name, value in row.items() if name != "observed_at"}  # noqa: PLW2901
        if row not in states:
            difference.stale.append(run_id)


def _check_raw(
    difference: Difference,
    lines: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    printed: Mapping[str, Mapping[str, Any]],
) -> None:
    ids = [str(line["run"].get("session_id") or line["run"].get("id")) for line in lines]
    assert Counter(ids) == Counter(row["run_id"] for row in rows), "the raw lines are not those of the runs"
    observed = {row["run_id"]: row["observed_at"] for row in rows}
    for run_id, line in zip(ids, lines, strict=True):
        is_shown = line["run"] == printed.get(run_id, line["run"])
        if not is_shown or datetime.fromisoformat(line["observed_at"]) != observed[run_id]:
            difference.stale.append(f"raw {run_id}")


def check_counts(project: Project, source: str, day: date, rows: list[dict[str, Any]]) -> None:
    """The metrics of a day count exactly its rows."""
    counted = Counter((row["pipeline_id"], row["status"], row["raw_status"], row["dry_run"]) for row in rows)
    counts = project.table("run_status_counts", source, day)
    stored = {(row["pipeline_id"], row["status"], row["raw_status"], row["dry_run"]): row["runs"] for row in counts}
    assert stored == counted
    rates = {row["pipeline_id"]: row for row in project.table("failure_rates", source, day)}
    assert rates.keys() == {row["pipeline_id"] for row in rows}
    for pipeline, rate in rates.items():
        _check_rate(rate, [row for row in rows if row["pipeline_id"] == pipeline])


def _check_rate(rate: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
    wet = [row for row in rows if not row["dry_run"]]
    outcomes = Counter(row["status"] for row in wet if row["is_terminal"])
    assert (rate["runs"], rate["dry_runs"]) == (len(rows), len(rows) - len(wet))
    assert {name: rate[name] for name in OUTCOMES} == {name: outcomes[name] for name in OUTCOMES}
    assert rate["unknown"] == outcomes["unknown"]
    assert rate["open"] == sum(not row["is_terminal"] for row in wet)
    decided = outcomes["failed"] + outcomes["succeeded"]
    assert rate["failure_rate"] == (pytest.approx(outcomes["failed"] / decided) if decided else None)


def quarantined(project: Project, source: str, day: date) -> list[dict[str, Any]]:
    """The rows that are set aside of a day."""
    is_stored = project.layout.day_file("quarantine", source, day).is_stored()
    return [line["run"] for line in project.raw(source, day, "quarantine")] if is_stored else []
