"""CloudCruise's `GET /runs`, to the letter of its API page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import instant, integer, json_answer
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.faults.fault import Fault, faulty
from runs_assets.sandbox.history import History, Row, first_before

STATUSES = frozenset(
    f"execution.{word}" for word in ("queued", "start", "failed", "success", "paused", "stopped", "requeued")
)
DEFAULT_LIMIT, MAX_LIMIT = 1000, 10_000
DEFAULT_WINDOW = timedelta(hours=24)


@dataclass
class CloudCruise:
    """One workspace. Its attributes may be changed while it is served."""

    history: History = field(default_factory=simulated_cloudcruise)
    api_key: str = "sandbox-cloudcruise-key"
    retention_days: float = 31
    faults: list[Fault] = field(default_factory=list)

    async def answer(self, request: Request, path: str, now: datetime) -> Response:
        """Answer one request; `path` is below the platform's base URL."""
        try:
            return json_answer(self._dispatch(request, path, now))
        except _RefusedError as refused:
            return refused.answer()

    def _dispatch(self, request: Request, path: str, now: datetime) -> list[object]:
        if (request.method, path) != ("GET", "/runs"):
            raise _RefusedError(404, f"Cannot {request.method} {path}")
        if request.headers.get("cc-key") != self.api_key:
            raise _RefusedError(401, "Invalid or missing API key")
        return self._runs(request.query_params, now)

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


def _limit(query: Mapping[str, str]) -> int:
    limit = integer(query.get("limit", str(DEFAULT_LIMIT)))
    if limit is None or not 1 <= limit <= MAX_LIMIT:
        raise _RefusedError(400, f"limit must be an integer from 1 to {MAX_LIMIT}")
    return limit


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
