"""Every form in which a server says how long to wait."""

from datetime import UTC, datetime

import httpx
import pytest

from runs_assets.http.faults import requested_wait_seconds

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Retry-After": "2.5"}, b"", 2.5),
        ({"Retry-After": "-4"}, b"", 0.0),
        ({"Retry-After": "Wed, 18 Mar 2026 11:00:00 GMT"}, b"", 0.0),
        ({"Retry-After": "soon"}, b"", None),
        ({"Retry-After": "soon"}, b'{"retryAfterSeconds": 3}', 3.0),
        ({"X-Ratelimit-Retry-After": "1773835205"}, b"", 5.0),
        ({"Retry-After": "Mon, 01 Jan 999999999999999999999 00:00:00 GMT"}, b"", None),
        ({"X-Ratelimit-Retry-After": "1773835205000"}, b"", 5.0),
        # what nobody can mean
        ({"Retry-After": "1e300"}, b"", None),
        ({"Retry-After": "inf"}, b"", None),
        ({"Retry-After": "nan"}, b"", None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -1200"}, b"", None),
        ({}, b'{"retryAfterSeconds": 1e300}', None),
        ({}, b'{"retryAfterSeconds": %b}' % (b"9" * 310), None),
        ({}, b"[1]", None),
        ({}, b"<html>", None),
        ({}, b"", None),
    ],
)
def test_the_wait_is_understood(headers: dict[str, str], body: bytes, expected: float | None) -> None:
    assert requested_wait_seconds(httpx.Headers(headers), body, NOW) == expected
