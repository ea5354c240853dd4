"""The dashboard for Grafana: as it is built, as Grafana's schema has it, and about metrics that there are."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed
from promql_parser import parse

from runs_assets.insight.status import SourceStatus
from runs_assets.report.metrics import SOURCE_STATES, metrics_of
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets_tests.report.dashboard import PATH, as_json, text
from runs_assets_tests.report.test_metrics import READ_UNTIL, fleet, health, history, source

STORED: dict[str, Any] = json.loads(PATH.read_text())
PANELS = STORED["panels"]


def queries() -> Iterator[dict[str, Any]]:
    for panel in PANELS:
        yield from panel["targets"]


def metrics() -> dict[str, set[str]]:
    """The labels of each metric, of a fleet of which everything is known."""
    rates: dict[str, Any] = {"failed_24h": 1, "completed_24h": 4, "failure_rate_24h": 0.25, "usual_rate": 0.1}
    whole = source(
        SourceStatus(source="feeds", read_until=READ_UNTIL, wrong=[], well=1), set_aside={"no id": 1}, **rates
    )
    known = fleet(history(health("invoices", since=READ_UNTIL, **rates)), sources=(whole,))
    return {
        family.name: set(family.samples[0].labels) for family in parsed(metrics_of(known).decode()) if family.samples
    }


def test_it_is_stored_as_it_is_built() -> None:
    assert PATH.read_text() == text()


def test_grafanas_own_types_read_it_and_write_it_as_it_is() -> None:
    """A field that the schema does not have would be lost."""
    register_default_plugins()
    assert json.loads(as_json(Dashboard.from_json(STORED))) == STORED


@pytest.mark.parametrize("expression", sorted({query["expr"] for query in queries()}))
def test_an_expression_is_promql_about_metrics_and_labels_that_there_are(expression: str) -> None:
    parse(expression)
    found = re.findall(r"(runs_assets_\w+)(?:\{(.*?)\})?", expression)
    assert found
    known = metrics()
    for name, matchers in found:
        for label, words in re.findall(r'(\w+)[=!]~?"(.*?)"', matchers):
            assert label in known[name]
            states = SOURCE_STATES if name == "runs_assets_source_state" else tuple(PipelineState)
            assert label != "state" or set(words.split("|")) <= set(states)
        assert name in known


def test_a_legend_names_labels_of_its_metrics() -> None:
    for query in queries():
        labels = set.union(*(metrics()[name] for name in re.findall(r"runs_assets_\w+", query["expr"])))
        assert set(re.findall(r"{{(\w+)}}", query["legendFormat"])) <= labels


def test_the_variables_are_those_that_the_queries_use() -> None:
    named = {variable["name"] for variable in STORED["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(PANELS))) == named == {"datasource", "source"}
    [labels] = re.findall(r"label_values\((\w+), (\w+)\)", json.dumps(STORED["templating"]))
    assert labels[1] in metrics()[labels[0]]


def test_no_two_panels_overlap_and_each_query_of_a_panel_has_its_own_name() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)
    for panel in PANELS:
        names = [query["refId"] for query in panel["targets"]]
        assert len(names) == len(set(names))
