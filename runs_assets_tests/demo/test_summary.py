"""The lines that the demo ends with."""

from datetime import UTC, datetime

from runs_assets.demo.summary import lines_that_matter
from runs_assets.insight.status import PipelineStatus, SourceStatus

SINCE = datetime(2026, 3, 17, 9, 5, tzinfo=UTC)


def found(source: str, *states: str) -> SourceStatus:
    wrong = [
        PipelineStatus(
            source=source,
            pipeline=f"feed {place}",
            state=state,
            is_broken=state in {"down", "silent"},
            since=SINCE if state != "flaky" else None,
            why="3 failures in a row",
            read_until=SINCE,
        )
        for place, state in enumerate(states)
    ]
    return SourceStatus(source=source, read_until=SINCE, wrong=wrong, well=1)


def test_the_worst_of_all_sources_come_first_each_on_a_line() -> None:
    told = list(lines_that_matter([found("b", "down", "worse"), found("a", "silent", "flaky")]))
    assert [line for line, _ in told] == [
        "DOWN feed 0 (b) since 2026-03-17 09:05 UTC: 3 failures in a row",
        "SILENT feed 0 (a) since 2026-03-17 09:05 UTC: 3 failures in a row",
        "WORSE feed 1 (b) since 2026-03-17 09:05 UTC: 3 failures in a row",
        "FLAKY feed 1 (a): 3 failures in a row",
    ]
    assert [style for _, style in told] == ["bold red", "bold red", "yellow", "yellow"]


def test_there_are_at_most_four() -> None:
    told = [line for line, _ in lines_that_matter([found("a", *["worse"] * 5, "down")])]
    assert len(told) == 4
    assert told[0].startswith("DOWN feed 5 (a)")
