"""The metrics, read back by the library's own parser of OpenMetrics."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed
from prometheus_client.parser import text_string_to_metric_families as parsed_as_older_text

from runs_assets.days import DayRange
from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet
from runs_assets.insight.freshness import SourceRecord
from runs_assets.insight.histories import PipelineHistory
from runs_assets.insight.status import PipelineStatus, SourceStatus
from runs_assets.report.metrics import metrics_of
from runs_assets.verdicts.pipeline_states import PipelineState

READ_UNTIL = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
"""1,773,835,200 seconds since 1970."""
DAYS = (
    DayCounts(date=date(2026, 3, 16), is_read=False, is_whole=False, is_final=False),
    DayCounts(date=date(2026, 3, 17), is_read=True, is_whole=True, is_final=False, runs=30, completed=28, open=2),
    DayCounts(date=date(2026, 3, 18), is_read=True, is_whole=False, is_final=False, runs=10, completed=9, open=1),
)


def health(name: str, pipeline_id: str | None = "id", **others: Any) -> PipelineStatus:
    state: dict[str, Any] = {"state": "ok", "is_broken": False, "since": None, "why": ""} | others
    return PipelineStatus(source="feeds", pipeline=name, pipeline_id=pipeline_id, read_until=READ_UNTIL, **state)


def history(status: PipelineStatus) -> PipelineHistory:
    rows: dict[str, Any] = dict.fromkeys(("outages", "silences", "reasons", "parts", "failures"), ())
    return PipelineHistory(health=status, acknowledged=None, days=DAYS, **rows)


def source(status: SourceStatus | None = None, **others: Any) -> SourceRecord:
    days = {"stored_days": 2, "whole_days": 1, "final_days": 0, "missing_days": 1, "open_runs": 3}
    rates = dict.fromkeys(("failed_24h", "completed_24h", "failure_rate_24h", "usual_rate"))
    until = READ_UNTIL if status else None
    known: dict[str, Any] = {"read_until": until, "set_aside": {}, "days": DAYS, **days, **rates, **others}
    return SourceRecord(source="feeds", status=status, **known)


def fleet(*histories: PipelineHistory, sources: tuple[SourceRecord, ...] = ()) -> Fleet:
    days = DayRange(DAYS[0].date, DAYS[-1].date)
    at_one, unread = READ_UNTIL.replace(hour=13), timedelta(hours=6)
    return Fleet(as_of=at_one, days=days, sources=sources, pipelines=histories, changes=(), longest_unread=unread)


def samples(found: Fleet, name: str) -> list[tuple[dict[str, str], float]]:
    families = list(parsed(metrics_of(found).decode()))
    return [
        (one.labels, one.value) for family in families for one in family.samples if one.name == f"runs_assets_{name}"
    ]


def test_the_open_runs_of_a_source_that_was_never_read_are_not_known_to_be_none() -> None:
    found = fleet(sources=(source(days=DAYS[:1]),))
    assert samples(found, "source_open_runs") == []
    assert samples(fleet(sources=(source(),)), "source_open_runs") == [({"source": "feeds"}, 3)]


def test_the_numbers_of_a_pipeline_are_samples_and_what_is_not_known_is_not() -> None:
    counted = health("invoices", failed_24h=1, completed_24h=4, failure_rate_24h=0.25, since=READ_UNTIL)
    found = fleet(history(counted), history(health("quiet", None, completed_24h=0, failed_24h=0)))
    labels = {"source": "feeds", "pipeline_id": "id", "pipeline": "invoices"}
    quiet = {"source": "feeds", "pipeline_id": "", "pipeline": "quiet"}
    assert samples(found, "pipeline_completed_runs") == [(quiet, 0), (labels, 4)]
    assert samples(found, "pipeline_failed_runs") == [(quiet, 0), (labels, 1)]
    assert samples(found, "pipeline_failure_ratio") == [(labels, 0.25)]
    assert samples(found, "pipeline_usual_failure_ratio") == []
    assert samples(found, "pipeline_today_runs") == [(quiet, 10), (labels, 10)]
    assert samples(found, "pipeline_open_runs") == [(quiet, 3), (labels, 3)]
    assert samples(found, "pipeline_state_since_timestamp_seconds") == [(labels, 1_773_835_200)]
    assert samples(found, "report_timestamp_seconds") == [({}, 1_773_838_800)]


def test_exactly_one_of_the_states_is_1() -> None:
    found = samples(fleet(history(health("invoices", state="never succeeded"))), "pipeline_state")
    assert {labels["state"]: value for labels, value in found} == {
        state.value: state == "never succeeded" for state in PipelineState
    }


@pytest.mark.parametrize(("wrong", "state"), [([], "ok"), ([{"state": "silent", "is_source": True}], "silent")])
def test_a_source_has_a_state_its_freshness_and_its_days(wrong: list[dict[str, Any]], state: str) -> None:
    status = SourceStatus(
        source="feeds",
        read_until=READ_UNTIL,
        wrong=[health("down one", state="down"), *(health("whole", None, **one) for one in wrong)],
        well=0,
    )
    whole = source(
        status, failed_24h=3, completed_24h=12, failure_rate_24h=0.25, usual_rate=0.5, set_aside={"no id": 7}
    )
    found = fleet(sources=(whole,))
    states = {labels["state"]: value for labels, value in samples(found, "source_state")}
    assert states == {"ok": 0, "failing": 0, "silent": 0, "not judged": 0} | {state: 1}
    assert samples(found, "source_read_until_timestamp_seconds") == [({"source": "feeds"}, 1_773_835_200)]
    days = {labels["known"]: value for labels, value in samples(found, "source_window_days")}
    assert days == {"stored": 2, "whole": 1, "final": 0, "missing": 1}
    assert samples(found, "source_set_aside_rows") == [({"source": "feeds", "reason": "no id"}, 7)]
    names = ("completed_runs", "failed_runs", "failure_ratio", "usual_failure_ratio", "today_runs", "open_runs")
    values = [samples(found, f"source_{name}") for name in names]
    assert values == [[({"source": "feeds"}, value)] for value in (12, 3, 0.25, 0.5, 10, 3)]


def test_a_source_that_was_never_judged_says_so_and_nothing_else_of_now() -> None:
    found = fleet(sources=(source(),))
    assert [labels["state"] for labels, value in samples(found, "source_state") if value] == ["not judged"]
    for name in ("read_until_timestamp_seconds", "completed_runs", "failure_ratio", "today_runs"):
        assert samples(found, f"source_{name}") == []


def test_a_day_that_was_not_read_has_no_number_of_runs() -> None:
    unread = replace(history(health("invoices")), days=DAYS[:1])
    assert samples(fleet(unread), "pipeline_today_runs") == []


HOSTILE = 'a"b\\c\nd\re{}=,# EOF \u2028</td>'


def test_names_from_an_api_come_back_as_they_were() -> None:
    [(labels, _)] = samples(fleet(history(health(HOSTILE, HOSTILE, completed_24h=1))), "pipeline_completed_runs")
    assert labels == {"source": "feeds", "pipeline_id": HOSTILE, "pipeline": HOSTILE}


def test_each_metric_has_a_unit_at_the_end_of_its_name_and_words() -> None:
    text = metrics_of(fleet(history(health("invoices")), sources=(source(),))).decode()
    assert text.endswith("\n# EOF\n")
    for family in parsed(text):
        assert family.name.startswith("runs_assets_")
        assert family.documentation.endswith(".")
        assert family.type == "gauge"
        is_state = family.name.endswith("_state")
        assert family.unit in ({""} if is_state else {"runs", "ratio", "seconds", "days", "rows"})
        assert is_state or family.name.endswith(f"_{family.unit}")


def test_a_parser_of_the_older_text_reads_the_same_samples() -> None:
    text = metrics_of(fleet(history(health("invoices", completed_24h=4)), sources=(source(),))).decode()
    found, older = (
        sorted((one.name, sorted(one.labels.items()), one.value) for family in parser(text) for one in family.samples)
        for parser in (parsed, parsed_as_older_text)
    )
    assert found == older
    assert len(found) == 1 + 4 + 4 + 1 + 13 + 1 + 2


def test_of_no_source_there_is_only_the_time() -> None:
    assert [family.name for family in parsed(metrics_of(fleet()).decode()) if family.samples] == [
        "runs_assets_report_timestamp_seconds"
    ]
