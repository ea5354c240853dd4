"""What is on the page, from the fleet: in which order, under which numbers, and what is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from markupsafe import Markup

from runs_assets.days import DayRange
from runs_assets.insight.changes import ChangeKind, FleetChange
from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet
from runs_assets.insight.histories import PipelineHistory
from runs_assets.insight.status import SEVERITY, WELL, PipelineStatus, Row, worst_first
from runs_assets.plain_text.wording import at, plain
from runs_assets.report import charts, heat
from runs_assets.report.periods import MOST_DAYS, weeks
from runs_assets.report.trend import frame, trend
from runs_assets.verdicts.silences import NO_RUNS, NO_SUCCESS

SILENCE_KINDS = {NO_RUNS: "silent", NO_SUCCESS: "silent: no success"}
MOST_FAILURES, FEW_FAILURES, MANY = 20, 10, 50
"""How many failed runs of a pipeline are shown: fewer if there are many pipelines."""
MOST_IN_TIMELINE = 25
Place = tuple[str, str | None]
"""A source and the id of a pipeline."""


class Wrong(NamedTuple):
    """What needs attention, with the number of its section and what was said of its incident."""

    health: PipelineStatus
    number: int | None
    acknowledged: str | None


class NumberedChange(NamedTuple):
    """A change, with the number of the section of its pipeline."""

    change: FleetChange
    number: int | None


class ShownShade(NamedTuple):
    """An entry of the legend of the strips."""

    drawing: Markup
    meaning: str


@dataclass(frozen=True)
class ShownIncident:
    """An outage or a silence of a pipeline; `lasted` up to when its source was read if it goes on."""

    kind: str
    health: PipelineStatus
    number: int
    since: datetime
    ended_at: datetime | None
    failures: int | None

    @property
    def lasted(self) -> timedelta:
        """Never less than nothing, also if it began after its source was read."""
        return max((self.ended_at or self.health.read_until) - self.since, timedelta(0))


@dataclass(frozen=True)
class Section:
    """A pipeline on the page."""

    number: int
    history: PipelineHistory
    periods: Sequence[DayCounts]
    strip: Markup
    trend: Markup
    shows_id: bool

    @property
    def health(self) -> PipelineStatus:
        """How it is."""
        return self.history.health

    @property
    def is_well(self) -> bool:
        """Whether it needs no attention."""
        return self.health.state in WELL

    @property
    def severity(self) -> int:
        """The place of its state among all, the worst first."""
        return len(SEVERITY) - SEVERITY[self.health.state]

    @property
    def runs(self) -> int:
        """How many runs it had in the window."""
        return sum(day.runs for day in self.history.days)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(day.failed for day in self.history.days)

    @property
    def parts(self) -> list[tuple[str, list[Row]]]:
        """Its versions, sites and workspaces, by what they are."""
        found: dict[str, list[Row]] = {}
        for row in self.history.parts:
            found.setdefault(row["dimension"], []).append(row)
        return list(found.items())

    @property
    def incidents(self) -> list[ShownIncident]:
        """Its outages and silences, the newest first."""
        found = [
            *(self._incident(row["kind"], row["failing_since"], row) for row in self.history.outages),
            *(self._incident(SILENCE_KINDS[row["kind"]], row["since"], row) for row in self.history.silences),
        ]
        return sorted(found, key=lambda incident: incident.since, reverse=True)

    def _incident(self, kind: str, since: datetime, row: Row) -> ShownIncident:
        return ShownIncident(kind, self.health, self.number, since, row["ended_at"], row.get("failures"))


@dataclass(frozen=True)
class Contents:
    """What the templates show, by these names."""

    fleet: Fleet
    headline: str
    wrong: Sequence[Wrong]
    changes: Sequence[tuple[str, Sequence[NumberedChange]]]
    sections: Sequence[Section]
    incidents: Sequence[ShownIncident]
    states: Sequence[str]
    by_week: bool
    most_failures: int
    strip_axis: Markup
    frame: Markup
    legend: Sequence[ShownShade]
    fleet_chart: Markup | None
    timeline: Markup | None

    @classmethod
    def of(cls, fleet: Fleet, *, with_charts: bool) -> Self:
        """The contents of the page about a fleet."""
        fleet = _since_first_read(fleet)
        by_week = len(fleet.days) > MOST_DAYS
        sections = list(_sections(fleet, by_week=by_week))
        numbers: dict[Place, Section] = {_place(one.health): one for one in sections}
        wrong = list(_wrong(fleet, numbers))
        incidents = sorted(
            (incident for one in sections for incident in one.incidents),
            key=lambda incident: incident.since,
            reverse=True,
        )
        return cls(
            fleet=fleet,
            headline=_headline(fleet, wrong),
            wrong=wrong,
            changes=list(_changes(fleet, numbers)),
            sections=sections,
            incidents=incidents,
            states=sorted({one.health.state for one in sections}, key=lambda state: SEVERITY[state]),
            by_week=by_week,
            most_failures=MOST_FAILURES if len(fleet.pipelines) <= MANY else FEW_FAILURES,
            strip_axis=heat.axis(list(reversed(fleet.days.newest_first()))),
            frame=frame(sections[0].periods) if sections else Markup(),
            fleet_chart=_fleet_chart(fleet) if with_charts else None,
            timeline=_timeline(fleet, incidents) if with_charts else None,
            legend=[ShownShade(*entry) for entry in heat.legend()],
        )

    def named(self) -> dict[str, Any]:
        """Each part under its name; not copied, as `asdict` would."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _since_first_read(fleet: Fleet) -> Fleet:
    """Without the days before the first one that was read of any source, of which there is nothing to say."""
    read = [day.date for source in fleet.sources for day in source.days if day.is_read]
    first = min(read, default=fleet.days.last)
    sources = [replace(one, days=[day for day in one.days if day.date >= first]) for one in fleet.sources]
    pipelines = [replace(one, days=[day for day in one.days if day.date >= first]) for one in fleet.pipelines]
    return replace(fleet, days=DayRange(first, fleet.days.last), sources=sources, pipelines=pipelines)


def _fleet_chart(fleet: Fleet) -> Markup | None:
    if not any(source.stored_days for source in fleet.sources):
        return None
    return Markup(charts.fleet_chart(fleet.sources, charts.OF_PAGE))  # noqa: S704


def _timeline(fleet: Fleet, incidents: Sequence[ShownIncident]) -> Markup | None:
    """Of the pipelines with the newest incidents, as many as a person can compare."""
    shown = list(dict.fromkeys(incident.number for incident in incidents))[:MOST_IN_TIMELINE]
    bars = [
        charts.Bar(plain(one.health.pipeline), one.kind, one.since, one.since + one.lasted)
        for one in incidents
        if one.number in shown
    ]
    return Markup(charts.timeline(bars, fleet.days, charts.OF_PAGE)) if bars else None  # noqa: S704


def _sections(fleet: Fleet, *, by_week: bool) -> Iterator[Section]:
    names = [(history.health.source, history.health.pipeline) for history in fleet.pipelines]
    shared = {name for name in names if names.count(name) > 1}
    for number, history in enumerate(fleet.pipelines):
        periods = weeks(history.days) if by_week else history.days
        yield Section(
            number=number,
            history=history,
            periods=periods,
            trend=trend(periods),
            strip=heat.strip(history.days),
            shows_id=names[number] in shared,
        )


def _wrong(fleet: Fleet, sections: dict[Place, Section]) -> Iterator[Wrong]:
    """Sources in trouble as a whole, then the pipelines of all sources, the worst first."""
    for health in worst_first(source.status for source in fleet.sources if source.status):
        section = None if health.is_source else sections.get(_place(health))
        yield Wrong(health, section.number if section else None, section.history.acknowledged if section else None)


def _changes(fleet: Fleet, sections: dict[Place, Section]) -> Iterator[tuple[str, Sequence[NumberedChange]]]:
    """By what they are, in the order of the kinds."""
    for kind in ChangeKind:
        changes = [one for one in fleet.changes if one.kind == kind]
        if changes:
            yield kind, [NumberedChange(one, _number(sections, (one.source, one.pipeline_id))) for one in changes]


def _headline(fleet: Fleet, wrong: Sequence[Wrong]) -> str:
    """The answer in one line, with the sources of which it may not be true any more."""
    doubts = [
        f"{one.source} not read since {at(one.read_until)}" if one.read_until else f"{one.source} not judged"
        for one in fleet.sources
        if one.source in fleet.not_known
    ]
    return _answer(fleet, wrong) + (f" ({', '.join(doubts)})" if doubts else "")


def _answer(fleet: Fleet, wrong: Sequence[Wrong]) -> str:
    broken = sum(one.health.is_broken for one in wrong)
    if len(wrong) > 1:
        return f"{len(wrong)} need attention, {broken or 'none'} of them broken"
    if wrong:
        return "1 is broken" if broken else "1 needs attention"
    if not any(source.status for source in fleet.sources):
        return "It is not known what is wrong"
    return "Nothing needs attention, as far as is known" if fleet.not_known else "Nothing needs attention"


def _place(health: PipelineStatus) -> Place:
    return health.source, health.pipeline_id


def _number(sections: dict[Place, Section], place: Place) -> int | None:
    return sections[place].number if place in sections else None
