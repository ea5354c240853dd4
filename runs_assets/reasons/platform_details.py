"""Requesting what a platform knows beside its runs, without ever holding up what does not need it.

Names and reasons make verdicts readable; no verdict depends on them. So whatever goes wrong with the API is reported in
one line and ends the requests, not the work around them, and each refresh is bounded in requests and time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol, Self, runtime_checkable

from runs_assets.days import end_of, start_of
from runs_assets.errors import CredentialsError, DamagedFileError, RequestRefusedError, RunsAssetsError
from runs_assets.http.transport import Limits
from runs_assets.reading.client import ApiClient
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
"""One try: what fails is requested again at the next refresh."""
AGAIN_AFTER = timedelta(hours=24)
OVERRUN = timedelta(hours=6)
"""Runs of a day may fail in the night after it; errors that name no run are counted for the day all the same."""
FailedRuns = Mapping[date, Mapping[str, int]]
"""For each day of creation, how many runs of each pipeline failed, dry ones left out."""


@runtime_checkable
class NamingClient(ApiClient, Protocol):
    """A client whose API has the names of pipelines."""

    def within(self, limits: Limits) -> Self:
        """The same client with other bounds for each request."""
        ...

    def pipeline_names(self) -> Mapping[str, str]:
        """Names by pipeline id."""
        ...


@runtime_checkable
class ErrorsClient(NamingClient, Protocol):
    """A client whose API has the errors of a pipeline."""

    def error_groups(self, pipeline_id: str, start: datetime, end: datetime) -> Sequence[ErrorGroup]:
        """The errors in [start, end)."""
        ...


@dataclass(frozen=True)
class DetailsRequest:
    """Whose details are refreshed: a source with its failed runs, into the files below a folder.

    `retention` is how far back the API answers, None if for ever; `report` takes a line about what went wrong.
    """

    source: str
    layout: Layout
    failed_runs: FailedRuns
    now: datetime
    report: Callable[[str], None]
    retention: timedelta | None = None

    @property
    def days(self) -> list[date]:
        """The days with failed runs that the API still has whole, newest first."""
        begins_at = Reach(self.now, date.min, self.retention).begins_at
        days = sorted(self.failed_runs, reverse=True)
        return [day for day in days if begins_at is None or start_of(day) >= begins_at]


def refresh_details(
    client: object, request: DetailsRequest, *, monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Request the names that are due, and the errors of the pipelines and days whose failed runs have changed.

    Names are requested once in 24 h, and so is what was refused; errors newest day first, again only when the number of
    failed runs is another, and not for days that the API no longer has whole. At most 50 requests and 30 s. Nothing is
    requested of a client that has neither. Only errors of the files are raised, as `StorageError`.

    Hold the source's lock, also while the client is made: it may renew tokens, which only one process at a time can.
    """
    if not isinstance(client, NamingClient):
        return
    with client.within(LIMITS) as hurried:
        known = load_details(request.layout, request.source)
        asking = _Asking(hurried, request, monotonic, known)
        asking.ask_names()
        if isinstance(hurried, ErrorsClient):
            for day in request.days:
                asking.ask_errors(hurried, day, request.failed_runs[day])
        asking.store_refusals()


@dataclass
class _Asking:
    client: NamingClient
    request: DetailsRequest
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
            self._report(f"could not request the names of pipelines. {error}")
            if isinstance(error, CredentialsError | RequestRefusedError):
                self._store(replace(self.known, refused_at=self.request.now))
            return
        # A pipeline that is gone keeps its name: its runs are still shown.
        known = {**self.known.names, **names}
        self._store(replace(self.known, names=known, asked_at=self.request.now, refused_at=None))

    def ask_errors(self, client: ErrorsClient, day: date, failed: Mapping[str, int]) -> None:
        if not any(failed.values()) or self.is_over:
            return
        layout, source = self.request.layout, self.request.source
        try:
            stored, is_damaged = load_error_groups(layout, source, day), False
        except DamagedFileError as damage:
            self._report(f"{damage.path} is damaged ({damage.why}); its errors are requested again.")
            stored, is_damaged = {}, True
        answers = {}
        for pipeline_id in self._due(failed, stored):
            if self._has_no_more_time():
                break
            groups = self._errors_of(client, pipeline_id, day)
            if groups is not None:
                answers[pipeline_id] = PipelineErrors(pipeline_id, failed[pipeline_id], self.request.now, groups)
        if answers:
            if is_damaged:
                set_aside_error_groups(layout, source, day, f"{self.request.now:%Y%m%dT%H%M%S}")
            store_error_groups(layout, source, day, {**stored, **answers})

    def store_refusals(self) -> None:
        """Remember what was refused."""
        if self.refused:
            refused = {key: at for key, at in self.known.errors_refused_at.items() if self._is_fresh(at)}
            refused |= dict.fromkeys(self.refused, self.request.now)
            self._store(replace(self.known, errors_refused_at=refused))

    def _due(self, failed: Mapping[str, int], stored: Mapping[str, PipelineErrors]) -> list[str]:
        """The pipelines whose failed runs are other than when their errors were requested, most failures first."""
        changed = [
            key
            for key, count in failed.items()
            if key and count and (key not in stored or stored[key].failed_runs != count) and not self._is_refused(key)
        ]
        return sorted(changed, key=lambda key: (-failed[key], key))

    def _errors_of(self, client: ErrorsClient, pipeline_id: str, day: date) -> tuple[ErrorGroup, ...] | None:
        end = min(end_of(day) + OVERRUN, self.request.now)
        try:
            return tuple(client.error_groups(pipeline_id, start_of(day), end))
        except RequestRefusedError as error:
            if not self.refused:
                self._report(f"the API refuses the errors of {pipeline_id}, and perhaps of other pipelines. {error}")
            self.refused.append(pipeline_id)
        except RunsAssetsError as error:
            self._report(f"could not request why runs failed. {error}")
            self.is_over = True
            self.refused += [EVERY_PIPELINE] if isinstance(error, CredentialsError) else []
        return None

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
        return at is not None and abs(self.request.now - at) < AGAIN_AFTER

    def _store(self, known: KnownDetails) -> None:
        self.known = known
        store_details(self.request.layout, self.request.source, known)

    def _report(self, line: str) -> None:
        self.request.report(f"{self.request.source}: {line}")
