"""What to tell: from what was told before and the present look to the messages, and what to remember of them.

Pure: the same look twice tells nothing new. A source that cannot be read is frozen: its pipelines neither open nor
close, and only that itself is told.
"""

from dataclasses import dataclass, replace

from runs_assets.alerts.look import LATE_HISTORY, Look, SourceLook
from runs_assets.alerts.pipelines import next_incidents
from runs_assets.alerts.platforms import next_platform
from runs_assets.alerts.state import Message, SourceState, State
from runs_assets.alerts.troubles import next_fault, next_jobs, next_source_trouble


@dataclass(frozen=True)
class Decision:
    """The messages to send, in order, and the state that remembers that they were decided."""

    messages: tuple[Message, ...]
    state: State


def decide(state: State, look: Look) -> Decision:
    """What to tell at a look; the outbox of `state` is left alone."""
    messages, fault = next_fault(state.fault, look)
    remembered = {source: before.read_until for source, before in state.sources.items() if before.read_until}
    look = replace(look, remembered=remembered)
    sources = dict(state.sources)
    for source in sorted(look.sources | state.sources.keys()):
        told, sources[source] = _source(source, state.sources.get(source, SourceState()), look)
        messages += told
    told, jobs = next_jobs(state.jobs, look)
    return Decision((*messages, *told), state.model_copy(update={"sources": sources, "jobs": jobs, "fault": fault}))


def _source(source: str, before: SourceState, look: Look) -> tuple[list[Message], SourceState]:
    messages, after = next_source_trouble(source, before, look)
    read_until = look.read_until(source)
    if read_until is None or not look.has_rows(source):
        return messages, after
    is_known = before.read_until is not None and before.read_until <= look.now  # a clock may have been ahead
    known_until = before.read_until if is_known and before.read_until else read_until
    after = after.model_copy(update={"read_until": max(known_until, read_until)})
    if look.is_unread(source):
        return messages, after
    view = SourceLook(look, source, read_until, known_until - LATE_HISTORY)
    told, after = next_platform(after, view)
    singly, after = next_incidents(after, view)
    return [*messages, *told, *singly], after
