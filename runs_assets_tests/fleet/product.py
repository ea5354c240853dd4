"""All that the simulation asks of the product: what it tells at a look, and which pipelines it flags.

Whoever changes the product's rules adapts this module; nothing else here knows them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runs_assets.alerts.evaluation import JobDecision, NoticeDecision, evaluate
from runs_assets.alerts.lifecycle import Decision, Event
from runs_assets.alerts.memory import Memory
from runs_assets.alerts.observation import Observation, is_worse_span
from runs_assets.alerts.pipelines import PipelineDecision
from runs_assets.alerts.platforms import PlatformDecision
from runs_assets.calendars import Holidays
from runs_assets.reasons.reason import Explanations
from runs_assets.sources.productsup.reasons import reason_of_exit_code
from runs_assets.verdicts.failure_concentrations import FAILURE_CONCENTRATIONS
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.verdicts.source_health import SOURCE_HEALTH
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.tables import Knowledge, verdicts_of
from runs_assets.watch_file import WatchFile

CALM = frozenset({"ok", "new", "too few runs"})
"""The states of pipelines that nobody has to look at."""
DOWN = "down"
WATCH = WatchFile(holidays=(Holidays(country="DE"),))
"""What people have written down: no pipeline is expected on the public holidays of Germany."""
EXPLANATIONS = Explanations(exit_code=reason_of_exit_code)
PIPELINE, SOURCE, JOB, SETTINGS = "pipeline", "source", "job", "settings"
OPENED, CLOSED = frozenset({Event.OPENED}), frozenset({Event.RESOLVED, Event.GIVEN_UP})


@dataclass(frozen=True)
class Told:
    """A message at the look at `at`, microseconds since the epoch, about a pipeline by its id (None: the source).

    `is_notice`: one line about a fact, without an incident that would be open or resolved later.
    """

    at: int
    kind: str
    pipeline: str | None
    event: str
    state: str
    severity: str
    is_notice: bool = False

    @property
    def opens(self) -> bool:
        """Whether an incident begins with it."""
        return self.event in OPENED and not self.is_notice

    @property
    def closes(self) -> bool:
        """Whether an incident ends with it."""
        return self.event in CLOSED


@dataclass(frozen=True)
class Look:
    """What is remembered after a look, what it told, and the states of all pipelines by their ids."""

    memory: Memory
    told: tuple[Told, ...]
    states: Mapping[str, str]


def start() -> Memory:
    """What is remembered before the first look."""
    return Memory()


def look(history: SourceHistory, memory: Memory) -> Look:
    """Judge a source as of its `read_until`, and decide what to tell."""
    found = verdicts_of(history, Knowledge(explanations=EXPLANATIONS, watch=WATCH))
    rows = found[PIPELINE_HEALTH.name].to_pylist()
    seen = Observation(
        history.read_until,
        WATCH,
        rows,
        outages=found[OUTAGES.name].to_pylist(),
        silences=found[SILENCES.name].to_pylist(),
        worse_spans=found[FAILURE_TRENDS.name].filter(is_worse_span()).to_pylist(),
        concentrations=found[FAILURE_CONCENTRATIONS.name].to_pylist(),
        source_health=found[SOURCE_HEALTH.name].to_pylist(),
    )
    evaluation = evaluate(memory, seen)
    told = tuple(_told(evaluation.decisions, history.until_us))
    return Look(evaluation.memory, told, {row["pipeline_id"]: row["state"] for row in rows})


def _told(decisions: Iterable[Decision], at: int) -> Iterable[Told]:
    for decision in decisions:
        what, pipeline, state = _about(decision)
        is_notice = isinstance(decision, NoticeDecision)
        yield Told(at, what, pipeline, decision.event.value, state, decision.severity.value, is_notice)


def _about(decision: Decision) -> tuple[str, str | None, str]:
    """What a decision is about, the pipeline's id, and its state."""
    match decision:
        case PipelineDecision():
            return PIPELINE, decision.incident.pipeline_id, decision.incident.state
        case NoticeDecision():
            return PIPELINE, decision.row["pipeline_id"], decision.row["state"]
        case PlatformDecision():
            return SOURCE, None, decision.incident.state
        case JobDecision():
            return JOB, None, "unread"
    return SETTINGS, None, "settings"
