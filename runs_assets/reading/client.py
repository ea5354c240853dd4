"""What the reading needs of a platform's client."""

from typing import Any, Protocol, Self, runtime_checkable

from runs_assets.paging.page import Pager
from runs_assets.reading.rows import RowShape, RunPage


class ApiClient(Protocol):
    """A client of any API, for use in a `with` block."""

    @property
    def base_url(self) -> str:
        """Where the API is."""
        ...

    @property
    def requests(self) -> int:
        """Requests sent so far, retries included."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class RunsClient(ApiClient, Protocol):
    """A client that lists runs."""

    shape: RowShape

    def pager(self, start_us: int, end_us: int) -> Pager[Any]:
        """A pager over the runs created in [start_us, end_us)."""
        ...

    def fetch(self, ask: Any) -> RunPage:
        """The page that answers one of the pager's requests."""
        ...


@runtime_checkable
class SingleRunClient(RunsClient, Protocol):
    """A client whose API can be asked for one run."""

    def fetch_run(self, run_id: str) -> RunPage:
        """The page of a single run, empty if the API no longer shows it."""
        ...
