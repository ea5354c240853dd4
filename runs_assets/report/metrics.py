"""The fleet as metrics, for Prometheus and what reads its formats: OpenMetrics text, written as a file.

All are gauges, and no sample has a time of its own: so a parser of the older text format, such as that of
node_exporter, reads the file as well. What is not known has no sample.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet
from runs_assets.insight.freshness import SourceRecord
from runs_assets.insight.histories import PipelineHistory
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.source_health import FAILING, OK, SILENT

METRICS_FILE = "metrics.prom"
PREFIX = "runs_assets"
SOURCE, PIPELINE = ("source",), ("source", "pipeline_id", "pipeline")
STATE = "state"
NOT_JUDGED = "not judged"
SOURCE_STATES = (OK, FAILING, SILENT, NOT_JUDGED)
EPOCH = "seconds since 1970-01-01 UTC"
RECENT = "created in the 24 hours before the source was last read"
COUNTED = {
    "completed": ("runs", f"Runs {RECENT} that succeeded or failed, and had time to end."),
    "failed": ("runs", f"Runs {RECENT} that failed, and had time to end."),
    "failure": ("ratio", f"failed / completed of the runs {RECENT}, 0 to 1."),
    "usual_failure": ("ratio", "failed / completed of the days read whole of the 28 before, 0 to 1."),
    "today": ("runs", "All runs created on the UTC day in which the source was last read."),
    "open": ("runs", "Runs created in the judged window that have not ended."),
}
"""The metrics of a source and of a pipeline: the unit, which ends the name, and what it is."""

Sample = tuple[Sequence[str], float | None]
"""The values of a metric's labels, and its value; None if that is not known."""
Counted = tuple[Sequence[str], Sequence[float | None]]
"""The values of the labels of a source or a pipeline, and the values of its `COUNTED`."""


class Family(NamedTuple):
    """A metric without samples: its name without prefix and unit, its unit if it has one, what it is, its labels."""

    name: str
    unit: str
    about: str
    labels: tuple[str, ...]

    def of(self, samples: Iterable[Sample]) -> Metric:
        """With the samples that are known, in the order of their labels."""
        metric = GaugeMetricFamily(f"{PREFIX}_{self.name}", self.about, labels=self.labels, unit=self.unit)
        for labels, value in sorted(samples, key=lambda sample: tuple(sample[0])):
            if value is not None:
                metric.add_metric(labels, value)
        return metric


WRITTEN_AT = Family("report_timestamp", "seconds", f"When the metrics were written, {EPOCH}.", ())
SOURCE_STATE = Family("source_state", "", "1 for the state of a source as a whole, 0 for the others.", (*SOURCE, STATE))
READ_UNTIL = Family("source_read_until_timestamp", "seconds", f"Up to when a source was read, {EPOCH}.", SOURCE)
DAYS = Family("source_window", "days", "Days of the judged window, by what is known of them.", (*SOURCE, "known"))
SET_ASIDE = Family("source_set_aside", "rows", "Rows that could not be stored as runs, by why.", (*SOURCE, "reason"))
PIPELINE_STATE = Family("pipeline_state", "", "1 for the state of a pipeline, 0 for the others.", (*PIPELINE, STATE))
SINCE = Family(
    "pipeline_state_since_timestamp", "seconds", f"Since when a pipeline is in its state, {EPOCH}.", PIPELINE
)


def metrics_of(fleet: Fleet) -> bytes:
    """The metrics of a fleet, as OpenMetrics text in UTF-8."""
    registry = CollectorRegistry()
    registry.register(_FleetCollector(fleet))
    text: bytes = generate_latest(registry)
    return text


class _FleetCollector(Collector):
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        """In an order that does not change."""
        yield WRITTEN_AT.of([((), self._fleet.as_of.timestamp())])
        yield from _of_sources(self._fleet.sources)
        yield from _of_pipelines(self._fleet.pipelines)


def _of_sources(sources: Sequence[SourceRecord]) -> Iterator[Metric]:
    yield SOURCE_STATE.of(row for one in sources for row in _one_hot([one.source], _state(one), SOURCE_STATES))
    yield READ_UNTIL.of(([one.source], one.read_until.timestamp() if one.read_until else None) for one in sources)
    yield DAYS.of(([one.source, known], days) for one in sources for known, days in _days(one).items())
    yield SET_ASIDE.of(([one.source, why], rows) for one in sources for why, rows in one.set_aside.items())
    yield from _counted("source", SOURCE, [([one.source], _counts_of_source(one)) for one in sources])


def _of_pipelines(pipelines: Sequence[PipelineHistory]) -> Iterator[Metric]:
    healths = [(_labels(one), one.health) for one in pipelines]
    yield PIPELINE_STATE.of(row for labels, it in healths for row in _one_hot(labels, it.state, tuple(PipelineState)))
    yield SINCE.of((labels, it.since.timestamp() if it.since else None) for labels, it in healths)
    yield from _counted("pipeline", PIPELINE, [(_labels(one), _counts_of_pipeline(one)) for one in pipelines])


def _counted(of: str, labels: tuple[str, ...], rows: Sequence[Counted]) -> Iterator[Metric]:
    for place, (name, (unit, about)) in enumerate(COUNTED.items()):
        yield Family(f"{of}_{name}", unit, about, labels).of((values, counts[place]) for values, counts in rows)


def _counts_of_source(one: SourceRecord) -> Sequence[float | None]:
    rates = (one.completed_24h, one.failed_24h, one.failure_rate_24h, one.usual_rate)
    return *rates, *_open(one.days, is_judged=one.status is not None)


def _counts_of_pipeline(one: PipelineHistory) -> Sequence[float | None]:
    health = one.health
    rates = (health.completed_24h, health.failed_24h, health.failure_rate_24h, health.usual_rate)
    return *rates, *_open(one.days, is_judged=True)


def _open(days: Sequence[DayCounts], *, is_judged: bool) -> tuple[int | None, int | None]:
    """How many runs the last day has, and how many are open, if they are known."""
    last, read = days[-1], [day.open for day in days if day.is_read]
    return last.runs if is_judged and last.is_read else None, sum(read) if read else None


def _one_hot(labels: Sequence[str], state: str, states: Sequence[str]) -> Iterator[Sample]:
    return (([*labels, one], int(one == state)) for one in states)


def _state(source: SourceRecord) -> str:
    if source.status is None:
        return NOT_JUDGED
    return next((health.state for health in source.status.wrong if health.is_source), OK)


def _days(source: SourceRecord) -> dict[str, int]:
    return {
        "stored": source.stored_days,
        "whole": source.whole_days,
        "final": source.final_days,
        "missing": source.missing_days,
    }


def _labels(pipeline: PipelineHistory) -> Sequence[str]:
    health = pipeline.health
    return health.source, health.pipeline_id or "", health.pipeline
