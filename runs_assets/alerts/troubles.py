"""What is wrong with a source as a whole, or with a job of the project: the same few steps for both.

That a source has not been read for hours and that the job which reads it failed are one trouble, told once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from runs_assets.alerts.look import JobRun, Look
from runs_assets.alerts.state import Event, JobState, Message, SourceState, Trouble
from runs_assets.alerts.text_of_many import job_message, source_message

REMINDED_EVERY = timedelta(hours=24)
REMINDED_FOR = timedelta(days=28)


def next_trouble(
    before: Trouble | None, wrong_since: datetime | None, now: datetime, *, is_muted: bool
) -> tuple[Event | None, Trouble | None]:
    """What happened, if it is to be told, and the trouble as it is now; `wrong_since` is None if nothing is wrong.

    While it is muted nothing is told: what was told before stays open, what was not is forgotten with its end.
    """
    if wrong_since is None:
        if before is None or before.told_at is None:
            return None, None
        return (None, before) if is_muted else (Event.ENDED, None)
    trouble = before or Trouble(since=wrong_since)
    if is_muted:
        return None, trouble
    if trouble.told_at is None:
        return Event.OPENED, trouble.model_copy(update={"told_at": now})
    if abs(now - trouble.told_at) >= REMINDED_EVERY and now - trouble.since <= REMINDED_FOR:
        return Event.REMINDED, trouble.model_copy(update={"told_at": now})
    return None, trouble


def next_source_trouble(source: str, before: SourceState, look: Look) -> tuple[list[Message], SourceState]:
    """Whether a source is read, and whether the job that reads it succeeds."""
    run = next((run for run in look.job_runs if run.source == source), None)
    failure = run.failure if run else before.job_failure
    wrong = [failure.ended_at] if failure else []
    if look.is_unread(source):
        wrong += [read_until] if (read_until := look.read_until(source)) else []
    is_muted = look.watch.mute_of(source, None, None, look.now) is not None
    event, trouble = next_trouble(before.trouble, min(wrong, default=None), look.now, is_muted=is_muted)
    after = before.model_copy(update={"job_failure": failure, "trouble": trouble})
    since = (trouble or before.trouble or Trouble(since=look.now)).since
    return ([source_message(source, event, since, failure, look)] if event else []), after


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
    is_muted = look.watch.mute_of(None, job, None, look.now) is not None
    wrong_since = failure.ended_at if failure else None
    event, trouble = next_trouble(before.trouble if before else None, wrong_since, look.now, is_muted=is_muted)
    shown = failure or (before.failure if before else None)
    if shown is None:
        return [], None
    messages = [job_message(job, event, shown, look)] if event else []
    return messages, JobState(failure=shown, trouble=trouble) if trouble else None
