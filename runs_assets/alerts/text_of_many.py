"""The messages about a platform, a source as a whole, or a job of this project."""

from collections.abc import Sequence
from datetime import datetime

from runs_assets.alerts.look import Look, Row, SourceLook, confirmed_at
from runs_assets.alerts.state import Event, Incident, JobFailure, Message
from runs_assets.alerts.words import at, label, late_line, listed, message_of, span, words_of
from runs_assets.watch_file import Severity

LONGEST_FAILURE = 600
NEWEST_ONLY = "Its newest run succeeded: what failed before need not have been made up."


def platform_message(
    event: Event, down: Sequence[Row], over: Sequence[Incident], since: datetime, view: SourceLook
) -> Message:
    """About many pipelines of a source at once; when it ends, about those of `down` that are left and those `over`.

    `down` are down or silent.
    """
    titles = {
        Event.OPENED: f"PLATFORM {view.source}: {_counted(down)} since {at(since)}",
        Event.REMINDED: f"STILL PLATFORM {view.source}: {_counted(down)} since {at(since)}",
        Event.ENDED: f"ENDED PLATFORM {view.source}: since {at(since)}, {_counted(down, 'still ')}",
    }
    lines = []
    for state in ("down", "silent"):
        if rows := [row for row in down if row["state"] == state]:
            ended = f"Still {state}, each an incident of its own from now on:"
            lines += [ended if event is Event.ENDED else f"{state.capitalize()}:", *listed(map(_since_line, rows))]
    if over:
        lines += ["Told before and over:", *listed(label(one.pipeline_id, one.pipeline_name) for one in over)]
    if event is not Event.ENDED:
        lines.append("While it lasts, nothing is told about these one by one.")
    if event is Event.OPENED:
        lines += late_line(max(confirmed_at(row) or since for row in down), view.look)
    lines.append(f"As of {at(view.read_until)}.")
    return message_of(titles[event], lines, event, Severity.CRITICAL, _everybodys_tags(view, down, over), view.look)


def began_at(row: Row) -> datetime:
    """The first failure of what is down; when what is silent should have run."""
    instant: datetime = row["failing_since"] if row["state"] == "down" else row["expected_by"]
    return instant


def source_message(
    source: str, event: Event, since: datetime, failure: JobFailure | None, noted: int, look: Look
) -> Message:
    """About a source that is not read, or whose job fails; when it is over, that it is read again.

    `noted` failures came since the last message, if any did.
    """
    wrong = "CANNOT READ" if look.is_unread(source) else "RUN FAILED"
    opened = wrong if look.is_unread(source) else _again(wrong, noted)
    words = {Event.OPENED: opened, Event.REMINDED: f"STILL {wrong}", Event.ENDED: "READ AGAIN"}
    read_until = look.read_until(source)
    lines = [f"Read until: {at(read_until)}" if read_until else "It has never been read."]
    if failure and event is not Event.ENDED:
        lines += _failure_lines(failure, noted)
    if look.is_unread(source):
        lines.append("Nothing about its pipelines opens or closes until it is read again.")
    if event is Event.ENDED:
        lines += [f"It took {span(look.now - since)}.", NEWEST_ONLY]
    tags = look.watch.tags_of(source, None, None, Severity.WARNING)
    title = f"{words[event]} {source}, trouble since {at(since)}"
    return message_of(title, lines, event, Severity.WARNING, tags, look)


def fault_message(event: Event, look: Look) -> Message:
    """About settings of messages that cannot be used, to everybody who can be told."""
    words = {Event.REMINDED: "STILL UNUSABLE", Event.ENDED: "USABLE AGAIN"}
    title = f"{words.get(event, 'UNUSABLE')}: settings of messages"
    lines = look.faults or ["All of them can be used now."]
    return message_of(title, lines, event, Severity.WARNING, frozenset(), look)


def job_message(job: str, event: Event, failure: JobFailure, noted: int, look: Look) -> Message:
    """About a job of this project whose latest run failed, or succeeds again; `noted` as in `source_message`."""
    words = {Event.OPENED: _again("FAILED", noted), Event.REMINDED: "STILL FAILED", Event.ENDED: "SUCCEEDED AGAIN"}
    title = f"{words[event]} {job}: failed at {at(failure.ended_at)}"
    lines = [] if event is Event.ENDED else _failure_lines(failure, noted)
    tags = look.watch.tags_of(None, job, None, Severity.WARNING)
    return message_of(title, lines or [NEWEST_ONLY], event, Severity.WARNING, tags, look)


def _again(wrong: str, noted: int) -> str:
    return f"STILL {wrong} NOW AND THEN" if noted else wrong


def _failure_lines(failure: JobFailure, noted: int) -> list[str]:
    times = "1 failure" if noted == 1 else f"{noted} failures"
    return [
        *([f"{times} since it was last told to be over; this is the latest."] if noted else []),
        f"Run {failure.run_id} failed at {at(failure.ended_at)}.",
        words_of(failure.description, LONGEST_FAILURE),
    ]


def _since_line(row: Row) -> str:
    return f"{label(row['pipeline_id'], row['pipeline_name'])} since {at(row['since'] or began_at(row))}"


def _counted(rows: Sequence[Row], still: str = "") -> str:
    silent = len([row for row in rows if row["state"] == "silent"])
    down = len(rows) - silent
    if not silent:
        return f"{_pipelines(down)} {still}down"
    return f"{_pipelines(down)} {still}down and {silent} silent" if down else f"{_pipelines(silent)} {still}silent"


def _pipelines(count: int) -> str:
    return "1 pipeline" if count == 1 else f"{count} pipelines"


def _everybodys_tags(view: SourceLook, down: Sequence[Row], over: Sequence[Incident]) -> frozenset[str]:
    """Those of the source and of every pipeline that it is about; none, so everybody, if one has none."""
    watch, source = view.look.watch, view.source
    pipelines = {(row["pipeline_id"], row["pipeline_name"]) for row in down}
    pipelines |= {(one.pipeline_id, one.pipeline_name) for one in over}
    single = [watch.tags_of(source, pipeline_id, name, Severity.CRITICAL) for pipeline_id, name in pipelines]
    whole = watch.tags_of(source, None, None, Severity.CRITICAL)
    return whole.union(*single) if all(single) else frozenset()
