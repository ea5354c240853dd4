"""Asking a platform for what it tells beside its runs, without ever holding up what does not need it.

Names and reasons make verdicts readable; no verdict depends on them. So whatever goes wrong with the API is said in one
line and ends the asking, not the work around it, and each look is bounded in requests and time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from runs_assets.days import end_of, start_of
from runs_assets.errors import CredentialsError, DamagedFileError, RequestRefusedError, RunsAssetsError
from runs_assets.http.transport import Limits
from runs_assets.reasons.details_files import (
    EVERY_PIPELINE,
    KnownDetails,
    PipelineErrors,
    load_details,
    load_error_groups,
    set_aside_error_groups,
    store_details,
    store_error_groups,
)
from runs_assets.reasons.reason import ErrorGroup
from runs_assets.settling.reach import Reach
from runs_assets.storage.layout import Layout

MOST_REQUESTS = 50
LAST_BEGIN_SECONDS = 20.0
"""No request begins later; with `LIMITS`, none ends later than 10 s after it began, so that 30 s are never passed."""
LIMITS = Limits(deadline=0, attempt=3, connect=2, read=3, body_bytes=16 * 1024 * 1024)
"""One try: what fails for a moment is asked at the next look."""
AGAIN_AFTER = timedelta(hours=24)
OVERRUN = timedelta(hours=6)
"""Runs of a day may fail in the night after it; errors without a run's name are taken for the day's all the same."""
Failing = Mapping[date, Mapping[str, int]]
"""For each day of creation, how many runs of each pipeline failed, dry ones left out."""


@runtime_checkable
class NamingClient(Protocol):
    """A client whose API tells what pipelines are called."""

    @property
    def requests(self) -> int:
        """Requests sent so far, retries included."""
        ...

    def within(self, limits: Limits) -> Self:
        """The same client with other bounds for each request."""
        ...

    def pipeline_names(self) -> Mapping[str, str]:
        """Names by pipeline id."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class ErrorsClient(NamingClient, Protocol):
    """A client whose API tells why the runs of a pipeline failed."""

    def error_groups(self, pipeline_id: str, start: datetime, end: datetime) -> Sequence[ErrorGroup]:
        """The errors in [start, end)."""
        ...


def refresh_details(  # noqa: PLR0913
    client: object,
    source: str,
    layout: Layout,
    now: datetime,
    failing: Failing,
    report: Callable[[str], None],
    *,
    retention: timedelta | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Ask for the names that are due, and for the errors of the pipelines and days in `failing` that changed.

    Names are asked for once in 24 h, and so is what was refused; errors newest day first, again only when the number of
    failed runs is another, and not for days that the API no longer has whole (`retention`). At most 50 requests and
    30 s. A client that can tell neither is not asked. Only trouble with the files is raised, as `StorageError`.

    Hold the source's lock, also while the client is made: it may renew tokens, which only one process at a time can.
    """
    if not isinstance(client, NamingClient):
        return
    with client.within(LIMITS) as hurried:
        asking = _Asking(hurried, source, layout, now, report, monotonic, load_details(layout, source))
        asking.ask_names()
        if isinstance(hurried, ErrorsClient):
            for day in _days_to_ask(failing, now, retention):
                asking.ask_errors(hurried, day, failing[day])
        asking.store_refusals()


def _days_to_ask(failing: Failing, now: datetime, retention: timedelta | None) -> Iterator[date]:
    begins_at = Reach(now, date.min, retention).begins_at
    days = sorted(failing, reverse=True)
    return (day for day in days if begins_at is None or start_of(day) >= begins_at)


@dataclass
class _Asking:
    client: NamingClient
    source: str
    layout: Layout
    now: datetime
    report: Callable[[str], None]
    monotonic: Callable[[], float]
    known: KnownDetails
    refused: list[str] = field(default_factory=list)
    is_over: bool = False

    def __post_init__(self) -> None:
        self._until = self.monotonic() + LAST_BEGIN_SECONDS

    def ask_names(self) -> None:
        if self._is_fresh(self.known.asked_at) or self._is_fresh(self.known.refused_at):
            return
        try:
            names = self.client.pipeline_names()
        except RunsAssetsError as error:
            self.report(f"{self.source}: could not ask what the pipelines are called. {error}")
            if isinstance(error, CredentialsError | RequestRefusedError):
                self._store(replace(self.known, refused_at=self.now))
            return
        # A pipeline that is gone keeps its name: its runs are still shown.
        known = {**self.known.names, **names}
        self._store(replace(self.known, names=known, asked_at=self.now, refused_at=None))

    def ask_errors(self, client: ErrorsClient, day: date, failing: Mapping[str, int]) -> None:
        if not any(failing.values()) or self.is_over:
            return
        stored, is_damaged = self._stored(day)
        answers = {}
        for pipeline_id in self._due(failing, stored):
            if self._has_no_more_time():
                break
            groups = self._errors_of(client, pipeline_id, day)
            if groups is not None:
                answers[pipeline_id] = PipelineErrors(pipeline_id, failing[pipeline_id], self.now, groups)
        if answers:
            if is_damaged:
                set_aside_error_groups(self.layout, self.source, day, f"{self.now:%Y%m%dT%H%M%S}")
            store_error_groups(self.layout, self.source, day, {**stored, **answers})

    def store_refusals(self) -> None:
        """Say once what was refused, and remember it."""
        if self.refused:
            before = {key: at for key, at in self.known.errors_refused_at.items() if self._is_fresh(at)}
            self._store(replace(self.known, errors_refused_at={**before, **dict.fromkeys(self.refused, self.now)}))

    def _due(self, failing: Mapping[str, int], stored: Mapping[str, PipelineErrors]) -> list[str]:
        """The pipelines whose failed runs are other than when they were asked about, most failures first."""
        changed = [
            key
            for key, failed in failing.items()
            if key and failed and (key not in stored or stored[key].failed_runs != failed) and not self._is_refused(key)
        ]
        return sorted(changed, key=lambda key: (-failing[key], key))

    def _errors_of(self, client: ErrorsClient, pipeline_id: str, day: date) -> tuple[ErrorGroup, ...] | None:
        end = min(end_of(day) + OVERRUN, self.now)
        try:
            return tuple(client.error_groups(pipeline_id, start_of(day), end))
        except RequestRefusedError as error:
            if not self.refused:
                self.report(f"{self.source}: was refused why runs of {pipeline_id} failed, or of others too. {error}")
            self.refused.append(pipeline_id)
        except RunsAssetsError as error:
            self.report(f"{self.source}: could not ask why runs failed. {error}")
            self.is_over = True
            self.refused += [EVERY_PIPELINE] if isinstance(error, CredentialsError) else []
        return None

    def _stored(self, day: date) -> tuple[dict[str, PipelineErrors], bool]:
        """What is known of a day, and whether its file is damaged: then it is asked for anew."""
        try:
            return load_error_groups(self.layout, self.source, day), False
        except DamagedFileError as damage:
            self.report(f"{self.source}: {damage.path} is damaged and its errors are asked for again: {damage.why}.")
            return {}, True

    def _has_no_more_time(self) -> bool:
        self.is_over |= self.client.requests >= MOST_REQUESTS or self.monotonic() > self._until
        return self.is_over

    def _is_refused(self, pipeline_id: str) -> bool:
        remembered = self.known.errors_refused_at
        return pipeline_id in self.refused or any(
            self._is_fresh(remembered.get(key)) for key in (EVERY_PIPELINE, pipeline_id)
        )

    def _is_fresh(self, at: datetime | None) -> bool:
        """Whether something happened in the last 24 h; what lies ahead was written by a clock that was wrong."""
        return at is not None and abs(self.now - at) < AGAIN_AFTER

    def _store(self, known: KnownDetails) -> None:
        self.known = known
        store_details(self.layout, self.source, known)
