"""Requesting what a platform knows beside its runs, without ever holding up what does not need it.

Names and reasons make verdicts readable; no verdict depends on them. So whatever goes wrong with the API is reported in
one line and ends the requests, not the work around them, and each refresh is bounded in requests and time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, Self, runtime_checkable

from runs_assets.days import end_of, start_of
from runs_assets.errors import CredentialsError, DamagedFileError, RequestRefusedError, RunsAssetsError
from runs_assets.http.limits import Limits
from runs_assets.reading.request import RunsClient
from runs_assets.reasons.details_files import (
    EVERY_PIPELINE,
    KnownDetails,
    PipelineErrors,
    load_details,
    load_error_groups,
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
class NamingClient(RunsClient, Protocol):
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


@dataclass
class DetailsRefresh:
    """Requests the names that are due, and the errors of the pipelines and days whose failed runs have changed.

    Names are requested once in 24 h, and so is what was refused; errors newest day first, again only when the number of
    failed runs is another, and not for days that the API no longer has whole. At most 50 requests and 30 s.
    `retention` is how far back the API answers, None if for ever; `report` takes a line about what went wrong. Only
    errors of the files are raised, as `StorageError`.

    Hold the source's lock, also while the client is made: it may renew tokens, which only one process at a time can.
    """

    source: str
    layout: Layout
    failed_runs: FailedRuns
    now: datetime
    report: Callable[[str], None]
    retention: timedelta | None = None
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._known = load_details(self.layout, self.source)
        self._until = self.monotonic() + LAST_BEGIN_SECONDS
        self._is_over = False

    def run(self, client: object) -> None:
        """Request what is due of a client; nothing if it has neither names nor errors."""
        if not isinstance(client, NamingClient):
            return
        hurried = client.within(LIMITS)
        with hurried:
            self._ask_names(hurried)
            if isinstance(hurried, ErrorsClient):
                for day in self._days():
                    self._ask_errors(hurried, day, self.failed_runs[day])

    def _days(self) -> list[date]:
        """The days with failed runs that the API still has whole, newest first."""
        begins_at = Reach(self.now, date.min, self.retention).begins_at
        days = sorted(self.failed_runs, reverse=True)
        return [day for day in days if begins_at is None or start_of(day) >= begins_at]

    def _ask_names(self, client: NamingClient) -> None:
        if self._is_fresh(self._known.asked_at):
            return
        try:
            names = dict(client.pipeline_names())  # a pipeline that is gone keeps its name: its runs are still shown
        except RunsAssetsError as error:
            self._report(f"could not request the names of pipelines. {error}")
            if not isinstance(error, CredentialsError | RequestRefusedError):
                return
            names = {}
        self._store(KnownDetails(names=names, asked_at=self.now))

    def _ask_errors(self, client: ErrorsClient, day: date, failed: Mapping[str, int]) -> None:
        if not any(failed.values()) or self._is_over:
            return
        try:
            stored = load_error_groups(self.layout, self.source, day)
        except DamagedFileError as damage:
            self._report(f"{damage.file} is damaged ({damage.why}); its errors are requested again.")
            stored = {}
        answers = {}
        for pipeline_id in self._due(failed, stored):
            if self._has_no_more_time(client):
                break
            groups = self._errors_of(client, pipeline_id, day)
            if groups is not None:
                answers[pipeline_id] = PipelineErrors(pipeline_id, failed[pipeline_id], self.now, groups)
        if answers:
            store_error_groups(self.layout, self.source, day, answers, f"{self.now:%Y%m%dT%H%M%S}")

    def _due(self, failed: Mapping[str, int], stored: Mapping[str, PipelineErrors]) -> list[str]:
        """The pipelines whose failed runs are other than when their errors were requested, most failures first."""
        changed = [
            key
            for key, count in failed.items()
            if key and count and (key not in stored or stored[key].failed_runs != count) and not self._is_refused(key)
        ]
        return sorted(changed, key=lambda key: (-failed[key], key))

    def _errors_of(self, client: ErrorsClient, pipeline_id: str, day: date) -> tuple[ErrorGroup, ...] | None:
        end = min(end_of(day) + OVERRUN, self.now)
        try:
            return tuple(client.error_groups(pipeline_id, start_of(day), end))
        except RequestRefusedError as error:
            if self.now not in self._known.errors_refused_at.values():
                self._report(f"the API refuses the errors of {pipeline_id}, and perhaps of other pipelines. {error}")
            self._remember_refusal(pipeline_id)
        except RunsAssetsError as error:
            self._report(f"could not request why runs failed. {error}")
            self._is_over = True
            if isinstance(error, CredentialsError):
                self._remember_refusal(EVERY_PIPELINE)
        return None

    def _has_no_more_time(self, client: ErrorsClient) -> bool:
        self._is_over |= client.requests >= MOST_REQUESTS or self.monotonic() > self._until
        return self._is_over

    def _is_refused(self, pipeline_id: str) -> bool:
        refused_at = self._known.errors_refused_at
        return any(self._is_fresh(refused_at.get(key)) for key in (EVERY_PIPELINE, pipeline_id))

    def _is_fresh(self, at: datetime | None) -> bool:
        """Whether something happened in the last 24 h; what lies ahead was written by a clock that was wrong."""
        return at is not None and abs(self.now - at) < AGAIN_AFTER

    def _remember_refusal(self, key: str) -> None:
        self._store(KnownDetails(errors_refused_at={key: self.now}))

    def _store(self, learnt: KnownDetails) -> None:
        self._known = store_details(self.layout, self.source, learnt)

    def _report(self, line: str) -> None:
        self.report(f"{self.source}: {line}")
