"""How long a server asks clients to wait, in each of the forms in use.

Sources: RFC 9110 section 10.2.3 (`Retry-After`, seconds or a date); CloudCruise's 429 body (`retryAfterSeconds`);
Productsup's Platform API (`X-Ratelimit-Retry-After`, a Unix time).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

EPOCH_FROM = 1_000_000_000


def requested_wait_seconds(headers: Mapping[str, str], body: bytes, now: datetime) -> float | None:
    """Seconds to wait from `now` (aware, UTC), never negative; None if the answer has no such hint."""
    for name in ("retry-after", "x-ratelimit-retry-after"):
        if (value := headers.get(name)) is not None:
            wait = _seconds_of(value.strip(), now)
            if wait is not None:
                return max(0.0, wait)
    return _seconds_in_body(body)


def _seconds_of(value: str, now: datetime) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return _seconds_until(value, now)
    return number - now.timestamp() if number >= EPOCH_FROM else number


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


def _seconds_in_body(body: bytes) -> float | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    seconds = document.get("retryAfterSeconds") if isinstance(document, dict) else None
    return max(0.0, float(seconds)) if isinstance(seconds, int | float) else None
