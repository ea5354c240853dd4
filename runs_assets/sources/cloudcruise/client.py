"""The CloudCruise client: `GET {base}/runs`, a bare JSON array, newest first, paged by creation time.

Facts from the vendor's page "List runs": the parameters and the row's fields, the limit of 1 to 10000 rows, and the
seven statuses. Beside it, as far as the API has them, the names of workflows and the errors of their runs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runs_assets.days import from_us, iso
from runs_assets.http.transport import Answer, Params
from runs_assets.paging.cursor import CursorAsk, CursorPager
from runs_assets.reading.rows import RunPage, run_page
from runs_assets.reasons.reason import ErrorGroup
from runs_assets.sources.cloudcruise.normalize import STATUS_OF
from runs_assets.sources.cloudcruise.reasons import error_groups_of
from runs_assets.sources.cloudcruise.row import MAX_PAGE_SIZE, SHAPE
from runs_assets.sources.http_client import HttpClient

MAX_ERRORS = 1000


@dataclass
class CloudCruiseClient(HttpClient):
    """Lists the runs of one workspace."""

    page_size: int = 1000

    def pager(self, start_us: int, end_us: int) -> CursorPager:
        """A pager over the runs created in [start_us, end_us)."""
        return CursorPager(start_us, end_us, limit=self.page_size, max_limit=MAX_PAGE_SIZE, statuses=tuple(STATUS_OF))

    def fetch(self, ask: CursorAsk) -> RunPage:
        """One page. Raises what `get` raises."""
        params: Params = {
            **({"status": ask.status} if ask.status else {}),
            "start_time": iso(from_us(ask.start_us)),
            "cursor": iso(from_us(ask.cursor_us)),
            "limit": ask.limit,
        }
        return self.get("/runs", params, _page_of)

    def pipeline_names(self) -> dict[str, str]:
        """The names of the workspace's workflows, by id. Raises what `get` raises."""
        rows = self.get("/workflows", {}, Answer.json)
        return self.names(rows if isinstance(rows, list) else ())

    def error_groups(self, pipeline_id: str, start: datetime, end: datetime) -> Sequence[ErrorGroup]:
        """A workflow's errors in [start, end), by code; none if the answer has another shape.

        Raises what `get` raises.
        """
        if not re.fullmatch(r"[\w-]+", pipeline_id):  # it becomes part of a path
            return ()
        params: Params = {"start_timestamp": iso(start), "end_timestamp": iso(end), "limit": MAX_ERRORS}
        document = self.get(f"/runs/workflow/{pipeline_id}/errors", params, Answer.json)
        return error_groups_of(document, self.shortened)


def _page_of(answer: Answer) -> RunPage:
    """The page of an array; null is some servers' way to say that there are no runs."""

    def page_in(body: bytes) -> RunPage:
        return run_page(SHAPE.decode(body, list) or [], SHAPE, answer.asked_at)

    return answer.decoded(page_in, "a JSON array of runs")
