"""The digest: a week in a few lines, printed and sent by `runs-assets digest`.

First what happened in the week, then, of the last one, how things are now.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow.compute as pc
from rich.console import Console

from runs_assets.alerts.addresses import addresses_of
from runs_assets.alerts.delivery import LOCK_PATIENCE_SECONDS, Notifier
from runs_assets.alerts.memory import Acknowledgement, Memory, MemoryFile, Notification
from runs_assets.alerts.observation import FAILED_ONCE, SEVERITIES, Row, rows_of
from runs_assets.alerts.pipeline_texts import name_of, open_line, run_with_page
from runs_assets.alerts.settings import alert_settings
from runs_assets.days import DayRange, utc_now
from runs_assets.errors import SettingsError
from runs_assets.plain_text.wording import at, listed, rate, shortened, span
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS
from runs_assets.verdicts.failure_trends import DAY, FAILURE_TRENDS, SOURCE
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.watch_entries import Severity, Subject
from runs_assets.watch_file import WatchFile, load_watch_file

WEEK = timedelta(days=7)
MOST_REASONS = 5
WATCHED = (FAILED_ONCE, "hanging", "flaky")
_WEEK_NAME = re.compile(r"(\d{4})-W(\d{2})")


def week_of(name: str) -> DayRange:
    """The days of an ISO week, Monday to Sunday, from its name, such as `2026-W11`; `ValueError` for any other text."""
    found = _WEEK_NAME.fullmatch(name)
    if not found:
        raise ValueError(f"a week is written as 2026-W11, not {name!r}")
    monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
    return DayRange(monday, monday + timedelta(days=6))


def last_week(now: datetime) -> DayRange:
    """The last ISO week that is over at `now` (aware UTC)."""
    sunday = now.date() - timedelta(days=now.isoweekday())
    return DayRange(sunday - timedelta(days=6), sunday)


def send_digest(console: Console, days: DayRange | None, *, send: bool) -> None:
    """Print a week's summary (default: the last whole week), and send it if an address is set.

    Raises `SettingsError` for an invalid setting, `NoDataFolderError` for a folder that is none, `StorageError` for a
    table that cannot be read, `BusyError` while another process is notifying.
    """
    settings, now = project_settings(), utc_now()
    layout, watch = Layout.stored(settings.data), load_watch_file(settings.watch_file)
    notifier = Notifier(layout, addresses_of(alert_settings().alert_urls) if send else ())
    summary = Week.stored(layout, days or last_week(now), now).summary(watch, now)
    console.print(summary.title, style="bold", markup=False, highlight=False, soft_wrap=True)
    _print(console, [summary.body])
    if notifier.addresses:
        report = notifier.send(summary)
        unsent = "Not sent: all addresses have tags, and no route sends it to one of them."
        waiting = f" Deliveries waiting: {report.waiting}." if report.waiting else ""
        _print(console, [f"{unsent if report.unsent else 'Sent.'}{waiting}"])


@dataclass(frozen=True)
class Week:
    """A week in the verdict tables, and the state at present; rows as in the tables.

    `totals` are the rows of `failure_trends` of whole sources on days of this week and the one before.
    """

    days: DayRange
    health: Sequence[Row]
    totals: Sequence[Row]
    outages: Sequence[Row]
    silences: Sequence[Row]
    reasons: Sequence[Row]
    memory: Memory

    @classmethod
    def stored(cls, layout: Layout, days: DayRange, now: datetime) -> "Week":
        """Raises `StorageError` if a table is damaged or cannot be read; one that does not exist yet holds nothing."""
        return cls(
            days=days,
            health=rows_of(layout, PIPELINE_HEALTH),
            totals=_totals(layout, DayRange(days.first - WEEK, days.last)),
            outages=rows_of(layout, OUTAGES),
            silences=rows_of(layout, SILENCES),
            reasons=rows_of(layout, FAILURE_REASONS),
            memory=MemoryFile(layout).load(now),
        )

    def summary(self, watch: WatchFile, now: datetime) -> Notification:
        """The week as a notification."""
        year, number, _ = self.days.first.isocalendar()
        title = f"Week {year}-W{number:02}: {self.days.first} to {self.days.last}"
        tags = watch.tags_of(Subject(), Severity.INFO)
        return Notification.summary(title, self._lines(watch, now), now, tags)

    def _lines(self, watch: WatchFile, now: datetime) -> Iterator[str]:
        sources = sorted({row["source"] for row in (*self.health, *self.totals)})
        if not sources:
            yield "There is no data for this week yet."
        for source in sources:
            yield from self._source(source, watch)
            if self.days.end > now - WEEK:
                yield from _present([row for row in self.health if row["source"] == source])
        yield from _section("Acknowledged", _acknowledgements(self.memory.acknowledged_at(now)))
        yield from _section("Undelivered notifications", self._lost())

    def _source(self, source: str, watch: WatchFile) -> Iterator[str]:
        tables = (self.totals, self.outages, self.silences, self.reasons)
        totals, outages, silences, reasons = ([row for row in table if row["source"] == source] for table in tables)
        before = DayRange(self.days.first - WEEK, self.days.last - WEEK)
        of_week = [row for row in reasons if row["date"] in self.days]
        yield f"{source}: {_total(totals, self.days)}; the week before: {_total(totals, before)}"
        yield from _section("Incomplete days", self._incomplete_days(totals))
        yield from _section("Outages", (_outage(row, reasons, watch) for row in outages if self._has_outage(row)))
        yield from _section("Silences", (_silence(row) for row in silences if self._has_silence(row)))
        yield from _section("Most failures", (_reason(row, watch) for row in _largest(of_week)))
        yield from _section("New reasons", (_reason(row, watch) for row in of_week if row["is_new"]))

    def _incomplete_days(self, totals: Sequence[Row]) -> Iterator[str]:
        final = {row["date"]: row["is_final"] for row in totals}
        for day in reversed(self.days.newest_first()):
            if not final.get(day, False):
                yield f"{day} {'may still change' if day in final else 'has not been read'}"

    def _has_outage(self, row: Row) -> bool:
        return bool(row["is_confirmed"]) and self._touches(row["failing_since"], row["ended_at"])

    def _has_silence(self, row: Row) -> bool:
        ended = row["ended_at"] or (row["expected_by"] if row["state"] == "given up" else None)
        return self._touches(row["expected_by"], ended)

    def _touches(self, began: datetime, ended: datetime | None) -> bool:
        return began < self.days.end and (ended is None or ended >= self.days.start)

    def _lost(self) -> Iterator[str]:
        for lost in self.memory.undelivered:
            if lost.given_up_at >= self.days.start:
                yield f"{lost.title} (decided {at(lost.decided_at)})"


def _totals(layout: Layout, days: DayRange) -> list[Row]:
    of_sources = (pc.field("scope") == SOURCE) & (pc.field("period") == DAY)
    of_days = (pc.field("date") >= days.first) & (pc.field("date") <= days.last)
    return rows_of(layout, FAILURE_TRENDS, of_sources & of_days)


def _total(totals: Sequence[Row], days: DayRange) -> str:
    rows = [row for row in totals if row["date"] in days]
    completed, failed = (sum(row[name] for row in rows) for name in ("decided", "failed"))
    return f"{failed} of {completed} runs failed ({rate(failed / completed)})" if completed else "no completed runs"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    if found := listed(lines):
        yield f"  {title}:"
        yield from (f"  {line}" for line in found)


def _state(row: Row) -> str:
    since = f" since {at(row['since'])}" if row["since"] else ""
    return f"{name_of(row)}: {row['state']}{since}"


def _present(health: Sequence[Row]) -> Iterator[str]:
    """How the pipelines of a source are now, which is not a matter of the week."""
    read = max((row["source_read_until"] for row in health), default=None)
    if read:
        yield f"  Now, as of {at(read)}:"
    yield from _section("Wrong now", (_state(row) for row in health if row["state"] in SEVERITIES))
    yield from _section("To watch", (_state(row) for row in health if row["state"] in WATCHED))
    yield from _section("Slower", (_slower(row) for row in health if row["is_slower"]))


def _largest(reasons: Iterable[Row]) -> list[Row]:
    """Of each pipeline and reason the day with the most failures, and their sum over all days; the largest first."""
    found: dict[tuple[str | None, str], Row] = {}
    for row in sorted(reasons, key=lambda row: (row["runs"], row["date"])):
        key = (row["pipeline_id"], row["reason"])
        found[key] = {**row, "total": row["runs"] + (found[key]["total"] if key in found else 0)}
    return sorted(found.values(), key=lambda row: -row["total"])[:MOST_REASONS]


def _outage(row: Row, reasons: Sequence[Row], watch: WatchFile) -> str:
    lasted = f"lasted {span(row['ended_at'] - row['failing_since'])}" if row["ended_at"] else "ongoing"
    during = [one for one in reasons if one["pipeline_id"] == row["pipeline_id"] and _is_during(row, one["date"])]
    because = "".join(f", {shortened(one['reason'])}" for one in _largest(during)[:1])
    what = f"{row['failures']} failures since {at(row['failing_since'])}, {lasted}{because}"
    return f"{name_of(row)}: {what}{_run(row, row['latest_run_id'], watch)}"


def _is_during(outage: Row, day: date) -> bool:
    ended_at = outage["ended_at"]
    return outage["failing_since"].date() <= day and (ended_at is None or day <= ended_at.date())


def _run(row: Row, run_id: str | None, watch: WatchFile) -> str:
    return f", run {run_with_page(run_id, row, watch)}" if run_id else ""


def _silence(row: Row) -> str:
    end = f"until {at(row['ended_at'])}" if row["ended_at"] else row["state"]
    kind = "no run" if row["kind"] == "no_runs" else "no success"
    return f"{name_of(row)}: {kind} since {at(row['since'])}, {end}"


def _slower(row: Row) -> str:
    return f"{name_of(row)}: runs take {row['slower_ratio']:.1f} times as long as in the four weeks before"


def _reason(row: Row, watch: WatchFile) -> str:
    runs = f"{row['total']} runs" if "total" in row else f"{row['runs']} runs on {row['date']}"
    what = f"{shortened(row['reason'])}, {runs}, attribution: {row['side']}"
    return f"{name_of(row)}: {what}{_run(row, row['example_run_id'], watch)}"


def acknowledge(console: Console, known: Acknowledgement) -> None:
    """Remember it instead of a former one of the same patterns, and print what it is about.

    Raises `SettingsError` if nothing open is, `StorageError` if the memory cannot be read or written, `BusyError` while
    another process is notifying.
    """
    file = _memory_file()
    with file.locked(LOCK_PATIENCE_SECONDS):
        memory = file.load(known.acknowledged_at)
        about = [open_line(subject, state) for subject, state, _ in memory.open_incidents() if known.covers(subject)]
        if not about:
            raise SettingsError(f"No open incident is about pipeline {known.pipeline} of source {known.source}.")
        others = (one for one in memory.acknowledged if (one.source, one.pipeline) != (known.source, known.pipeline))
        file.save(memory.model_copy(update={"acknowledged": (*others, known)}), known.acknowledged_at)
    _print(console, ["No reminders of:", *about])


def show_acknowledged(console: Console) -> None:
    """Print each acknowledgement that holds, and every open incident that none is about.

    Raises `StorageError` if the memory cannot be read.
    """
    now = utc_now()
    memory = _memory_file().load(now)
    holding = memory.acknowledged_at(now)
    rest = (one for one in memory.open_incidents() if not any(known.covers(one.subject) for known in holding))
    others = [open_line(one.subject, one.state) for one in rest]
    _print(console, ["Acknowledged:", *(_acknowledgements(holding) or ["nothing"])])
    _print(console, ["Open, and not acknowledged:", *(others or ["nothing"])])


def _acknowledgements(known: Iterable[Acknowledgement]) -> list[str]:
    return [f"{shortened(one.pipeline)} of {shortened(one.source)}, {one.holds()}" for one in known]


def _memory_file() -> MemoryFile:
    return MemoryFile(Layout.stored(project_settings().data))


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
