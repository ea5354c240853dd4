"""What is wrong with a source as a whole, or with a job of the project: the same few steps for both.

That a source has not been read for hours and that the job which reads it failed are one trouble, told once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from runs_assets.alerts.look import JobRun, Look
from runs_assets.alerts.state import Event, JobState, Message, SourceState, Trouble
from runs_assets.alerts.text_of_many import fault_message, job_message, source_message

REMINDED_EVERY = timedelta(hours=24)
REMINDED_FOR = timedelta(days=28)


class Step(NamedTuple):
    """What happened, if it is to be told, the trouble as it is now, and the failures noted since its last end."""

    event: Event | None
    trouble: Trouble | None
    noted: int = 0


@dataclass(frozen=True)
class Finding:
    """What is wrong at a look, since when (None: nothing is); whether it failed anew, and must not wait."""

    wrong_since: datetime | None
    now: datetime
    is_muted: bool
    is_new: bool = False
    is_urgent: bool = False


def next_trouble(before: Trouble | None, found: Finding) -> Step:
    """The next step of a trouble: at most one beginning and one end are told in 24 hours, unless it is urgent.

    A failure that comes sooner is noted and told later. While it is muted nothing is told: what was told before stays
    open, what was not is forgotten with its end.
    """
    if before and before.is_over:
        return _resting(before, found)
    if found.wrong_since is None:
        return _ended(before, found)
    trouble = before or Trouble(since=found.wrong_since)
    trouble = trouble.model_copy(update={"is_urgent": trouble.is_urgent or found.is_urgent})
    if found.is_muted:
        return Step(None, trouble)
    if trouble.told_at is None:
        return Step(Event.OPENED, trouble.model_copy(update={"told_at": found.now, "opened_at": found.now}))
    if _is_a_day(trouble.told_at, found.now) and found.now - trouble.since <= REMINDED_FOR:
        return Step(Event.REMINDED, trouble.model_copy(update={"told_at": found.now}))
    return Step(None, trouble)


def _ended(before: Trouble | None, found: Finding) -> Step:
    if before is None or before.told_at is None:
        return Step(None, None)
    if found.is_muted or not (before.is_urgent or _is_a_day(before.ended_at, found.now)):
        return Step(None, before)
    over = {"is_over": True, "is_urgent": False, "ended_at": found.now, "noted": 0}
    return Step(Event.ENDED, before.model_copy(update=over))


def _resting(before: Trouble, found: Finding) -> Step:
    """After an end: what goes wrong again is told a day after the last beginning was, even if it is over by then."""
    is_wrong = found.wrong_since is not None
    if found.is_muted:
        return Step(None, before)
    noted = max(before.noted + found.is_new, int(is_wrong))
    if not (found.is_urgent or _is_a_day(before.opened_at, found.now)):
        return Step(None, before.model_copy(update={"noted": noted}))
    if not noted:
        return Step(None, None if _is_a_day(before.ended_at, found.now) else before)
    told = {"told_at": found.now, "opened_at": found.now, "noted": 0, "is_over": not is_wrong}
    since = {"since": found.wrong_since, "is_urgent": found.is_urgent} if is_wrong else {}
    return Step(Event.OPENED, before.model_copy(update=told | since), noted if before.noted else 0)


def _is_a_day(since: datetime | None, now: datetime) -> bool:
    return since is None or abs(now - since) >= REMINDED_EVERY


def next_fault(before: Trouble | None, look: Look) -> tuple[list[Message], Trouble | None]:
    """Whether the settings of messages can be used."""
    step = next_trouble(before, Finding(look.now if look.faults else None, look.now, is_muted=False))
    return ([fault_message(step.event, look)] if step.event else []), step.trouble


def next_source_trouble(source: str, before: SourceState, look: Look) -> tuple[list[Message], SourceState]:
    """Whether a source is read, and whether the job that reads it succeeds."""
    run = next((run for run in look.job_runs if run.source == source), None)
    failure = run.failure if run else before.job_failure
    wrong = [failure.ended_at] if failure else []
    is_unread = look.is_unread(source)
    if is_unread:
        wrong += [read_until] if (read_until := look.read_until(source)) else []
    is_muted = look.watch.mute_of(source, None, None, look.now) is not None
    is_new = failure is not None and failure != before.last_failure
    step = next_trouble(before.trouble, Finding(min(wrong, default=None), look.now, is_muted, is_new, is_unread))
    last = failure or before.last_failure
    after = before.model_copy(update={"job_failure": failure, "last_failure": last, "trouble": step.trouble})
    if step.event is None:
        return [], after
    since = (step.trouble or Trouble(since=look.now)).since
    return [source_message(source, step.event, since, last if step.noted else failure, step.noted, look)], after


def next_jobs(before: Mapping[str, JobState], look: Look) -> tuple[list[Message], dict[str, JobState]]:
    """The jobs that read no source: each is wrong while its latest ended run is a failed one."""
    runs = {run.job: run for run in look.job_runs if run.source is None}
    messages: list[Message] = []
    after: dict[str, JobState] = {}
    for job in sorted({*before, *runs}):
        told, state = _next_job(before.get(job), runs.get(job), job, look)
        messages += told
        if state:
            after[job] = state
    return messages, after


def _next_job(
    before: JobState | None, run: JobRun | None, job: str, look: Look
) -> tuple[list[Message], JobState | None]:
    failure = run.failure if run else (before.failure if before else None)
    known = (before.last_failure or before.failure) if before else None
    last = failure or known
    if last is None:
        return [], None
    is_muted = look.watch.mute_of(None, job, None, look.now) is not None
    found = Finding(failure.ended_at if failure else None, look.now, is_muted, is_new=last != known)
    step = next_trouble(before.trouble if before else None, found)
    messages = [job_message(job, step.event, last, step.noted, look)] if step.event else []
    if step.trouble is None:
        return messages, None
    return messages, JobState(failure=failure, trouble=step.trouble, last_failure=last)
