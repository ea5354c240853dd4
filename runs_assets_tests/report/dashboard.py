"""The dashboard for Grafana, built with Grafana's own types: `python -m runs_assets_tests.report.dashboard` writes it.

The types of the builders are those of Grafana's schema, so mypy finds what has another type, and a field that the
schema does not have cannot be set.
"""

import json
from importlib.resources import files
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as types
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PATH = Path(str(files("runs_assets.report").joinpath("grafana.json")))
DATA = DataSourceRef(type_val="prometheus", uid="${datasource}")
OF = 'source=~"$source"'
BROKEN = f'runs_assets_pipeline_state{{{OF}, state=~"down|never succeeded|stuck|silent"}} == 1'
WRONG = f'(runs_assets_pipeline_state{{{OF}, state!~"ok|new|too few runs"}} == 1)'
IN_TROUBLE = f'runs_assets_source_state{{{OF}, state=~"failing|silent"}} == 1'
SAME = "on (source, pipeline_id, pipeline)"
UNREAD = f"time() - runs_assets_source_read_until_timestamp_seconds{{{OF}}}"
HOUR = 3600.0


def limits(*steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """Green below the first one."""
    colours = [Threshold(value=None, color="green"), *(Threshold(value=value, color=colour) for value, colour in steps)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(colours)


def query(expression: str, legend: str = "", name: str = "A") -> Dataquery:
    return Dataquery().datasource(DATA).expr(expression).legend_format(legend).ref_id(name).range()


def column(expression: str, name: str) -> Dataquery:
    return query(expression, name=name).instant().format(PromQueryFormat.TABLE)


def number(title: str, expression: str, unit: str, colours: dashboard.ThresholdsConfig, legend: str = "") -> stat.Panel:
    panel = stat.Panel().title(title).datasource(DATA).unit(unit).thresholds(colours).height(4).span(6)
    return panel.with_target(query(expression, legend).instant())


def lines(title: str, about: str, unit: str, *queries: Dataquery) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(about).datasource(DATA).unit(unit).height(8).span(12)
    return panel.targets(list(queries)).min(0)


def wrong_now() -> table.Panel:
    about = "The pipelines that need attention; the rates are of 24 hours, and what is usual."
    panel = table.Panel().title("Wrong now").description(about).datasource(DATA).height(9).span(24)
    for name, metric in (("B", "failure_ratio"), ("C", "usual_failure_ratio"), ("D", "failed_runs")):
        panel.with_target(column(f"{WRONG} * {SAME} group_left () runs_assets_pipeline_{metric}", name))
    since = f"{WRONG} * {SAME} group_left () runs_assets_pipeline_state_since_timestamp_seconds * 1000"
    panel.with_target(column(since, "E")).with_target(column(WRONG, "A"))
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    names = {"Value #B": "24 h", "Value #C": "usual", "Value #D": "failed in 24 h", "Value #E": "since"}
    hidden = dict.fromkeys(("Time", "Value #A", "__name__", "instance", "job", "pipeline_id"), True)
    order = ("state", "source", "pipeline", "Value #E", "Value #B", "Value #C", "Value #D")
    places = {name: place for place, name in enumerate(order)}
    arranged = {"excludeByName": hidden, "indexByName": places, "renameByName": names}
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=arranged))
    panel.override_by_name("since", [DynamicConfigValue(id_val="unit", value="dateTimeAsIso")])
    for name in ("24 h", "usual"):
        panel.override_by_name(name, [DynamicConfigValue(id_val="unit", value="percentunit")])
    return panel


def unread() -> timeseries.Panel:
    style = GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE)
    panel = lines(
        "Time since a source was read",
        "A source counts as unread after 6 hours, unless that is set.",
        "s",
        query(UNREAD, "{{source}}"),
    )
    return panel.thresholds(limits((2 * HOUR, "orange"), (6 * HOUR, "red"))).thresholds_style(style)


def board() -> dashboard.Dashboard:
    rate = f"runs_assets_pipeline_failure_ratio{{{OF}}} and {SAME} {WRONG}"
    of_source = [query(f"runs_assets_source_failure_ratio{{{OF}}}", "{{source}}")]
    of_source.append(query(f"runs_assets_source_usual_failure_ratio{{{OF}}}", "{{source}}, usual", "B"))
    today = [query(f"runs_assets_source_today_runs{{{OF}}}", "{{source}}")]
    today.append(query(f"runs_assets_source_failed_runs{{{OF}}}", "{{source}}, failed in 24 h", "B"))
    aside = [query(f'runs_assets_source_window_days{{{OF}, known="missing"}}', "{{source}}, missing days")]
    aside.append(query(f"runs_assets_source_set_aside_rows{{{OF}}}", "{{source}}, set aside: {{reason}}", "B"))
    red = limits((1.0, "red"))
    found = dashboard.Dashboard("Pipelines: what is wrong").uid("runs-assets").tags(["runs_assets"]).timezone("utc")
    found.time("now-7d", "now").refresh("5m").readonly()
    found.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    sources = dashboard.QueryVariable("source").label("Source").datasource(DATA).multi(True).include_all(True)
    sources.current(VariableOption(text="All", value="$__all"))
    found.with_variable(sources.query("label_values(runs_assets_source_state, source)").refresh(VariableRefresh(1)))
    found.with_panel(number("Pipelines that do not work", f"count({BROKEN}) or vector(0)", "none", red))
    found.with_panel(
        number("Pipelines that need attention", f"count({WRONG}) or vector(0)", "none", limits((1.0, "orange")))
    )
    found.with_panel(number("Sources in trouble", f"count({IN_TROUBLE}) or vector(0)", "none", red))
    found.with_panel(number("Unread for", UNREAD, "s", limits((2 * HOUR, "orange"), (6 * HOUR, "red")), "{{source}}"))
    found.with_panel(wrong_now())
    about = "Failed / completed runs of 24 hours, of the pipelines that need attention."
    found.with_panel(lines("Failure rate of pipelines", about, "percentunit", query(rate, "{{pipeline}}")).max(1))
    about = "Failed / completed runs of 24 hours, and what is usual."
    found.with_panel(lines("Failure rate of sources", about, "percentunit", *of_source).max(1))
    found.with_panel(lines("Runs", "Created on the present UTC day, and failed in 24 hours.", "none", *today))
    open_runs = query(f"runs_assets_source_open_runs{{{OF}}}", "{{source}}")
    found.with_panel(lines("Open runs", "Runs of the judged window that have not ended.", "none", open_runs))
    found.with_panel(unread())
    about = "Days of the judged window that are missing, and rows that could not be stored as runs."
    return found.with_panel(lines("What is not known", about, "none", *aside))


def text() -> str:
    """As it is stored: with the defaults that its types fill in where they read it."""
    register_default_plugins()
    read = types.Dashboard.from_json(json.loads(as_json(board().build())))
    return as_json(read) + "\n"


def as_json(found: types.Dashboard) -> str:
    return json.dumps(found, cls=JSONEncoder, indent=2, sort_keys=True)


if __name__ == "__main__":
    PATH.write_text(text())
