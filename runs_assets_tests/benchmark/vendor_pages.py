"""Paging as the vendors' own pages say it, for the readers that this project is compared with."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import httpx

PAGE_ROWS = {"cloudcruise": 10_000, "productsup": 1_000}

Rows = list[Any]


def cloudcruise_pages(
    http: httpx.Client, day: date, decode: Callable[[bytes], Rows], created_at: Callable[[Any], str]
) -> Iterator[Rows]:
    """The next cursor is the last row's time, and a short page is the end."""
    limit = PAGE_ROWS["cloudcruise"]
    params: dict[str, str | int] = {"start_time": f"{day}T00:00:00Z", "limit": limit}
    cursor = f"{day + timedelta(days=1)}T00:00:00Z"
    while True:
        rows = decode(http.get("runs", params={**params, "cursor": cursor}).raise_for_status().content)
        yield rows
        if len(rows) < limit:
            return
        cursor = created_at(rows[-1])


def productsup_pages(http: httpx.Client, first: int, count: int, decode: Callable[[bytes], Rows]) -> Iterator[Rows]:
    """Offset after offset, from `first` on, until `count` rows were asked for."""
    limit = PAGE_ROWS["productsup"]
    for offset in range(first, first + count, limit):
        params = {"from": offset, "limit": min(limit, first + count - offset)}
        yield decode(http.get("runs", params=params).raise_for_status().content)
