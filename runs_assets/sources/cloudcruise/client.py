"""The CloudCruise client: `GET {base}/runs`, a bare JSON array, newest first, paged by creation time.

Facts from the vendor's page "List runs": the parameters and the row's fields, the limit of 1 to 10000 rows, and the
seven statuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import orjson
import pyarrow as pa

from runs_assets.days import from_us, iso
from runs_assets.http.faults import UnexpectedBodyError
from runs_assets.http.transport import Answer, Params, Transport
from runs_assets.paging.cursor import CursorAsk, CursorPager
from runs_assets.sources.cloudcruise.settings import MAX_PAGE_SIZE
from runs_assets.sources.rows import RowShape, RunPage, array_page, run_page

STATUSES = (
    "execution.queued",
    "execution.start",
    "execution.failed",
    "execution.success",
    "execution.paused",
    "execution.stopped",
    "execution.requeued",
)
SHAPE = RowShape(
    id_field="session_id",
    created_field="created_at",
    fields=pa.schema(
        [
            ("session_id", pa.string()),
            ("status", pa.string()),
            ("created_at", pa.string()),
            ("workflow_id", pa.string()),
            ("workspace_id", pa.string()),
            ("execution_start", pa.string()),
            ("execution_end", pa.string()),
            ("dry_run", pa.bool_()),
        ]
    ),
)


@dataclass(frozen=True)
class CloudCruiseFilters:
    """Which runs to list; None means all. `credential_id` is a vault credential's permissioned user id."""

    workflow_id: str | None = None
    status: str | None = None
    credential_id: str | None = None

    def params(self) -> Mapping[str, str]:
        """As query parameters."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}


ALL_RUNS = CloudCruiseFilters()


@dataclass
class CloudCruiseClient:
    """Lists the runs of one workspace. Use it as a context manager: it holds connections."""

    transport: Transport
    retention: timedelta
    page_size: int = 1000
    filters: CloudCruiseFilters = ALL_RUNS
    shape: RowShape = SHAPE

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self.transport.base_url

    @property
    def requests(self) -> int:
        """Requests sent so far, retries included."""
        return self.transport.requests

    def pager(self, start_us: int, end_us: int) -> CursorPager:
        """A pager over the runs created in [start_us, end_us)."""
        statuses = STATUSES if self.filters.status is None else ()
        return CursorPager(start_us, end_us, limit=self.page_size, max_limit=MAX_PAGE_SIZE, statuses=statuses)

    def fetch(self, ask: CursorAsk) -> RunPage:
        """One page. Raises what `Transport.get` raises."""
        params: Params = {
            **self.filters.params(),
            **({"status": ask.status} if ask.status else {}),
            "start_time": iso(from_us(ask.start_us)),
            "cursor": iso(from_us(ask.cursor_us)),
            "limit": ask.limit,
        }
        return self.transport.get("/runs", params, _page_of)

    def __enter__(self) -> Self:
        self.transport.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.transport.__exit__(kind, error, trace)


def _page_of(answer: Answer) -> RunPage:
    page = array_page(answer.body, SHAPE, answer.received_at)
    if page is not None:
        return page
    try:
        documents: Any = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise UnexpectedBodyError(f"the body is not JSON ({len(answer.body)} bytes)") from None
    if not isinstance(documents, list):
        raise UnexpectedBodyError("the body is not a JSON array of runs")
    return run_page(documents, SHAPE, answer.received_at)
