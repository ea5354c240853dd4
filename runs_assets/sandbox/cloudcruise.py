"""CloudCruise's `GET /runs`, to the letter of its API page; what its workflows are called, and why they fail."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import instant, integer, json_answer
from runs_assets.sandbox.cloudcruise_errors import error_report
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.details import Trouble, troubled
from runs_assets.sandbox.faults.fault import Fault, faulty
from runs_assets.sandbox.history import Body, History, Row, first_before
from runs_assets.sandbox.profiles import WORKFLOW_PROFILES, WORKFLOWS, Profiles

STATUSES = frozenset(
    f"execution.{word}" for word in ("queued", "start", "failed", "success", "paused", "stopped", "requeued")
)
DEFAULT_LIMIT, MAX_LIMIT = 1000, 10_000
MAX_ERRORS = 1000
DEFAULT_WINDOW = timedelta(hours=24)
LONGEST_RUN = timedelta(days=3)
ERRORS_PATH = re.compile(r"/runs/workflow/([^/]+)/errors")


@dataclass
class CloudCruise:
    """One workspace. Its attributes may be changed while it is served.

    `trouble` is about the workflows and their errors alone; `profiles` say which errors sessions had.
    """

    history: History = field(default_factory=simulated_cloudcruise)
    api_key: str = "sandbox-cloudcruise-key"
    retention_days: float = 31
    faults: list[Fault] = field(default_factory=list)
    trouble: Trouble = None
    profiles: Profiles = WORKFLOW_PROFILES

    async def answer(self, request: Request, path: str, now: datetime) -> Response:
        """Answer one request; `path` is below the platform's base URL."""
        try:
            return self._dispatch(request, path, now)
        except _RefusedError as refused:
            return refused.answer()

    def _dispatch(self, request: Request, path: str, now: datetime) -> Response:
        errors_of = ERRORS_PATH.fullmatch(path)
        if request.method != "GET" or (path not in {"/runs", "/workflows"} and not errors_of):
            raise _RefusedError(404, f"Cannot {request.method} {path}")
        if request.headers.get("cc-key") != self.api_key:
            raise _RefusedError(401, "Invalid or missing API key")
        if path == "/runs":
            return json_answer(self._runs(request.query_params, now))
        return troubled(self.trouble) or json_answer(
            self._errors(errors_of[1], request.query_params, now) if errors_of else _workflows()
        )

    def _errors(self, workflow_id: str, query: Mapping[str, str], now: datetime) -> dict[str, object]:
        """Return the errors of a workflow; the times are required, the end is not inside."""
        start, end = (_instant_parameter(query, name) for name in ("start_timestamp", "end_timestamp"))
        if start is None or end is None or not _is_uuid(workflow_id):
            raise _RefusedError(400, "workflow_id must be a UUID; start_timestamp and end_timestamp are required")
        rows = (row.body for row in self._rows_between(start - LONGEST_RUN, end, now))
        its = (row for row in rows if row.get("workflow_id") == workflow_id)
        return error_report(workflow_id, its, start, end, _limit(query, MAX_ERRORS), self.profiles)

    def _rows_between(self, start: datetime, end: datetime, now: datetime) -> Iterable[Row]:
        return self._window(faulty(self.history.visible(now), self.faults, now), start, end)

    def _runs(self, query: Mapping[str, str], now: datetime) -> list[object]:
        start = self._start_time(query, now)
        cursor = _instant_parameter(query, "cursor")
        limit = _limit(query)
        filters = _filters(query)
        rows = faulty(self.history.visible(now), self.faults, now)
        window = self._window(rows, start, cursor)
        return [row.body for row in islice(_matching(window, filters), limit)]

    def _window(self, rows: Sequence[Row], start: datetime, cursor: datetime | None) -> Iterable[Row]:
        if self.faults:  # which may leave the rows in no order
            return (row for row in rows if start <= row.created_at and (cursor is None or row.created_at < cursor))
        newest = 0 if cursor is None else first_before(rows, cursor)
        return (rows[place] for place in range(newest, first_before(rows, start)))

    def _start_time(self, query: Mapping[str, str], now: datetime) -> datetime:
        start = _instant_parameter(query, "start_time")
        if start is None:
            return now - DEFAULT_WINDOW
        if start < now - timedelta(days=self.retention_days):
            raise _RefusedError(400, f"start_time cannot be older than {self.retention_days:g} days")
        return start


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def answer(self) -> Response:
        phrase = HTTPStatus(self.status).phrase
        content = {"statusCode": self.status, "error": phrase, "message": self.message}
        return json_answer(content, self.status)


def _instant_parameter(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    parsed = instant(query[name])
    if parsed is None:
        raise _RefusedError(400, f"{name} must be an ISO 8601 date-time with an offset")
    return parsed


def _limit(query: Mapping[str, str], most: int = MAX_LIMIT) -> int:
    limit = integer(query.get("limit", str(DEFAULT_LIMIT)))
    if limit is None or not 1 <= limit <= most:
        raise _RefusedError(400, f"limit must be an integer from 1 to {most}")
    return limit


def _workflows() -> list[Body]:
    return [{"id": workflow.id, "name": workflow.name, "description": None, "nodes": []} for workflow in WORKFLOWS]


def _filters(query: Mapping[str, str]) -> dict[str, str]:
    filters = {name: query[name] for name in ("workflow_id", "status", "credential_id") if name in query}
    if filters.get("status", "execution.start") not in STATUSES:
        raise _RefusedError(400, f"status must be one of {', '.join(sorted(STATUSES))}")
    if "workflow_id" in filters and not _is_uuid(filters["workflow_id"]):
        raise _RefusedError(400, "workflow_id must be a UUID")
    return filters


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _matching(rows: Iterable[Row], filters: Mapping[str, str]) -> Iterable[Row]:
    return (row for row in rows if all(_shown(row, name) == value for name, value in filters.items()))


def _shown(row: Row, name: str) -> object:
    return row.hidden.get(name) if name == "credential_id" else row.body.get(name)
