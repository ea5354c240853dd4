"""What both endpoints share: reading parameters strictly, and answering JSON."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer; half of a surrogate pair is printed as its escape."""
    try:
        text = msgspec.json.encode(content)
    except UnicodeEncodeError:
        text = json.dumps(content).encode()
    return Response(text, status, headers, media_type="application/json")


def integer(text: str) -> int | None:
    """Return a plain decimal integer, None for anything else."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def instant(text: str) -> datetime | None:
    """Return an ISO 8601 date-time that has an offset, None for anything else."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
