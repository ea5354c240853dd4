"""The record of one pipeline, and finding it."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from runs_assets.accounts import SOURCES
from runs_assets.errors import NotFoundError
from runs_assets.insight.record import PipelineRecord, find_pipeline, record_of
from runs_assets.insight.views import json_lines, print_record
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.verdicts.cases import READ_UNTIL, at
from runs_assets_tests.verdicts.storing import runs_table, store_runs

NAMES = ["cloudcruise", "productsup"]
PIPELINES: list[dict[str, Any]] = [
    {"source": "cloudcruise", "pipeline_id": "id-1", "pipeline_name": "invoice-download"},
    {"source": "cloudcruise", "pipeline_id": "id-2", "pipeline_name": "invoice-upload"},
    {"source": "productsup", "pipeline_id": "id-3", "pipeline_name": "invoice-download"},
    {"source": "productsup", "pipeline_id": None},
]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    store_rows(
        layout, "pipeline_health", [{**row, "state": "ok", "source_read_until": READ_UNTIL} for row in PIPELINES]
    )
    for table in ("outages", "silences", "failure_reasons", "failure_trends"):
        store_rows(layout, table, [])
    return layout


@pytest.mark.parametrize(
    ("wanted", "sources", "pipeline_id"),
    [
        ("id-1", NAMES, "id-1"),
        ("invoice-upload", NAMES, "id-2"),
        ("*-upload", NAMES, "id-2"),
        ("invoice-download", ["productsup"], "id-3"),
        ("(no pipeline)", NAMES, None),
    ],
)
def test_a_pipeline_is_found_by_id_name_or_pattern(
    layout: Layout, wanted: str, sources: list[str], pipeline_id: str | None
) -> None:
    assert find_pipeline(layout, sources, wanted)["pipeline_id"] == pipeline_id


def test_a_name_of_two_pipelines_and_of_none_are_refused(layout: Layout) -> None:
    with pytest.raises(NotFoundError) as refused:
        find_pipeline(layout, NAMES, "invoice-download")
    assert str(refused.value) == (
        "2 pipelines match 'invoice-download': invoice-download (cloudcruise, id-1), invoice-download (productsup, "
        "id-3). Name one by its id, or with --source."
    )
    with pytest.raises(NotFoundError, match=r"has the id or name 'invoice-uplaod'\. Did you mean invoice-upload"):
        find_pipeline(layout, ["cloudcruise"], "invoice-uplaod")


def record(layout: Layout, pipeline_id: str = "id-1") -> PipelineRecord:
    return record_of(layout, WatchFile(), SOURCES[0], find_pipeline(layout, NAMES, pipeline_id))


def test_its_days_parts_and_failures_are_its_own(layout: Layout) -> None:
    rows = [
        *[("f1", "id-1", "failed", "1.0", "s1", 9), ("ok", "id-1", "succeeded", "1.0", "s2", 10)],
        *[("f2", "id-1", "failed", "1.1", "s1", 11), ("other", "id-2", "failed", "1.0", "s1", 12)],
    ]
    for day in (16, 17):
        ids, pipelines, statuses, versions, sites, hours = zip(*rows, strict=True)
        created = [at(3, day, hour) for hour in hours]
        columns: dict[str, Any] = {
            "run_id": [f"{one}-{day}" for one in ids],
            "pipeline_id": pipelines,
            "status": statuses,
            "pipeline_version": versions,
            "site_id": sites,
            "created_at": created,
            "finished_at": [one + timedelta(minutes=5) for one in created],
        }
        store_runs(layout, "cloudcruise", at(3, day).date(), runs_table(columns), at(3, 18), settled=day == 16)
    found = record(layout)
    assert [(row["date"].day, row["runs"], row["failed"], row["is_final"]) for row in found.days] == [
        (17, 3, 2, False),
        (16, 3, 2, True),
    ]
    assert [run.run_id for run in found.failures] == ["f2-17", "f1-17", "f2-16", "f1-16"]
    assert [tuple(row.values()) for row in found.parts] == [
        ("version", "1.0", 4, 2),
        ("version", "1.1", 2, 2),
        ("site", "s1", 4, 4),
        ("site", "s2", 2, 0),
    ]


def test_incidents_and_reasons_of_four_weeks_are_shown_the_newest_first(layout: Layout) -> None:
    of_it: dict[str, Any] = {"source": "cloudcruise", "pipeline_id": "id-1", "source_read_until": READ_UNTIL}
    streaks: list[dict[str, Any]] = [
        {"failing_since": at(1, 5), "ended_at": at(1, 6), "is_confirmed": True, "kind": "down"},
        {"failing_since": at(3, 1), "ended_at": at(3, 2), "is_confirmed": True, "kind": "down"},
        {"failing_since": at(3, 10), "ended_at": at(3, 11), "is_confirmed": False},
        {"failing_since": at(3, 18, 9), "ended_at": None, "is_confirmed": True, "kind": "failing"},
    ]
    store_rows(layout, "outages", [{**of_it, **row} for row in streaks] + [{**of_it, **streaks[1], "pipeline_id": "x"}])
    silent = {**of_it, "since": at(3, 5), "ended_at": at(3, 6), "state": "ended"}
    store_rows(layout, "silences", [{**silent, "ended_at": at(1, 5)}, silent])
    counts = [(1, "old", 9), (16, "E42", 3), (17, "E42", 2), (17, "not known", 4)]
    store_rows(
        layout,
        "failure_reasons",
        [
            {
                **of_it,
                "date": at(3 if day > 1 else 1, day).date(),
                "reason": reason,
                "runs": runs,
                "example_run_id": f"r{day}",
                "first_seen_at": at(3, day),
                "last_seen_at": at(3, day),
                "is_new": day == 16,
            }
            for day, reason, runs in counts
        ],
    )
    found = record(layout)
    assert [(row["kind"], row["failing_since"]) for row in found.outages] == [
        ("failing", at(3, 18, 9)),
        ("down", at(3, 1)),
    ]
    assert [row["since"] for row in found.silences] == [at(3, 5)]
    reasons = [(row["reason"], row["runs"], row["example_run_id"], row["is_new"]) for row in found.reasons]
    assert reasons == [("E42", 5, "r17", True), ("not known", 4, "r17", False)]


def test_each_line_of_json_says_what_it_is(layout: Layout) -> None:
    of_it: dict[str, Any] = {"source": "cloudcruise", "pipeline_id": "id-1", "source_read_until": READ_UNTIL}
    store_rows(layout, "outages", [{**of_it, "is_confirmed": True, "kind": "down"}])
    store_rows(layout, "silences", [{**of_it, "kind": "no_runs", "state": "open"}])
    lines = [(line["kind"], line.get("incident_kind")) for line in json_lines(record(layout))]
    assert lines == [("pipeline", None), ("outage", "down"), ("silence", "no_runs")]


def test_a_record_is_printed_without_control_characters_and_without_what_all_its_runs_share(layout: Layout) -> None:
    foreign = {"pipeline_id": "id\x1b[2J", "pipeline_name": "invoices", "state": "down", "reason": "E\x1b[2J"}
    store_rows(layout, "pipeline_health", [{"source": "cloudcruise", "source_read_until": READ_UNTIL, **foreign}])
    columns = {"run_id": ["r1"], "pipeline_id": ["id\x1b[2J"], "status": ["failed"]}
    runs = runs_table({**columns, "created_at": [at(3, 17, 9)], "finished_at": [at(3, 17, 9)]})
    store_runs(layout, "cloudcruise", at(3, 17).date(), runs, at(3, 18), settled=True)
    console = Console(width=80, file=StringIO())
    print_record(console, record(layout, "invoices"))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in printed
    assert printed.startswith("invoices (cloudcruise, id [2J)\ndown: 0 failures in a row: E [2J (")
    assert printed.split("Failed runs\n")[1].split() == [
        *["created", "(UTC)", "took", "why", "run"],
        *["03-17", "09:00", "0", "s", "not", "known", "(unknown)", "r1"],
    ]
