"""What faults do to a request and to the JSON of an answer."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import integer, json_answer


def asked_otherwise(request: Request, parameters: dict[str, str | None]) -> Request:
    """Return the request with some query parameters replaced, or removed where None."""
    query = {name: value for name, value in {**request.query_params, **parameters}.items() if value is not None}
    return Request({**request.scope, "query_string": urlencode(query).encode()}, request.receive)


def asked_limit(request: Request) -> int | None:
    """Return the page size asked for; None if there is none, or none that is a positive number."""
    limit = integer(request.query_params.get("limit", ""))
    return limit if limit and limit > 0 else None


def asks_for_runs(request: Request) -> bool:
    """Return whether it asks for runs, and not for a token."""
    return request.method == "GET"


def edited(answer: Response, edit: Callable[[Any], object]) -> Response:
    """Return an answer with runs with its document changed by `edit`; others, which another fault made, as they are."""
    document = listed(answer)
    return answer if document is None else json_answer(edit(document))


def listed(answer: Response) -> Any | None:
    """Return the document of an answer with a list of runs, be it empty; None for any other answer."""
    if type(answer) is not Response or answer.status_code != 200:
        return None
    try:
        document = msgspec.json.decode(answer.body)
    except ValueError:
        return None
    is_envelope = isinstance(document, dict) and isinstance(document.get("data"), list)
    return document if is_envelope or isinstance(document, list) else None
