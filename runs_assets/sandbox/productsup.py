"""Productsup CDE's `GET /runs` and `GET /connectors`, to the letter of its API pages, and a token endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import integer, json_answer
from runs_assets.sandbox.details import Trouble, troubled
from runs_assets.sandbox.faults.fault import Fault, faulty
from runs_assets.sandbox.history import History, Row
from runs_assets.sandbox.oauth import TokenIssuer
from runs_assets.sandbox.productsup_runs import simulated_productsup
from runs_assets.sandbox.profiles import CONNECTORS, Pipeline

FILTERS = ("id", "connector-id", "connector-version", "site-id", "state", "process-id")
DEFAULT_LIMIT = 100
CONNECTOR_SECRET = "sandbox-fake-connector-secret"  # noqa: S105


@dataclass
class Productsup:
    """One user's view. Its attributes may be changed while it is served.

    `/runs` accepts `token`, and what `tokens` issued and has not expired. A larger `limit` than
    `max_page_size` is not refused but clamped, and the metadata say so. `own_connectors` are those that the user
    built: the others run too, but are not listed. `trouble` is about the list of connectors alone.
    """

    history: History = field(default_factory=simulated_productsup)
    token: str = "sandbox-productsup-token"  # noqa: S105  (opens nothing but this server)
    forbidden_token: str = "sandbox-forbidden-token"  # noqa: S105
    tokens: TokenIssuer = field(default_factory=TokenIssuer)
    max_page_size: int = 1000
    faults: list[Fault] = field(default_factory=list)
    own_connectors: Sequence[Pipeline] = CONNECTORS[:-1]
    trouble: Trouble = None

    async def answer(self, request: Request, path: str, now: datetime) -> Response:
        """Answer one request; `path` is below the platform's base URL."""
        match request.method, path:
            case "GET", "/runs":
                return self._refusal(request, now) or self._runs(request.query_params, now)
            case "GET", "/connectors":
                refusal = self._refusal(request, now) or troubled(self.trouble)
                return refusal or self._page(request.query_params, _connectors(self.own_connectors), "connector")
            case "POST", "/token":
                return await self.tokens.answer(request, now)
            case _:
                return json_answer({"message": "Not found."}, 404)

    def _refusal(self, request: Request, now: datetime) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and (token == self.token or self.tokens.accepts(token, now)):
            return None
        if scheme.lower() == "bearer" and token == self.forbidden_token:
            return json_answer({"message": "Access denied for user."}, 403)
        return json_answer({"message": "You have to be authorized to access this resource."}, 401)

    def _runs(self, query: Mapping[str, str], now: datetime) -> Response:
        return self._page(query, _matching(faulty(self.history.visible(now), self.faults, now), query), "run")

    def _page(self, query: Mapping[str, str], rows: Sequence[Row], resource: str) -> Response:
        errors = _errors(query)
        if errors:
            return json_answer({"message": "Bad request.", "errors": errors}, 400)
        offset = int(query.get("from", 0))
        limit = min(int(query.get("limit", DEFAULT_LIMIT)), self.max_page_size)
        page = [row.body for row in rows[offset : offset + limit]]
        metadata = {"from": offset, "limit": limit, "count": len(page), "total": len(rows), "next": None}
        content = {"data": page, "metadata": metadata, "message": "successful operation", "resource": resource}
        return json_answer(content)


def _connectors(connectors: Sequence[Pipeline]) -> list[Row]:
    """Return what is printed of each connector, with a place for credentials as the real answer has it."""
    return [
        Row(
            datetime.min.replace(tzinfo=UTC),
            {
                "id": connector.id,
                "type": "export",
                "name": connector.name,
                "description": None,
                "versions": [{"version": "2.0.0", "config": {"vcs": {"token": CONNECTOR_SECRET}}}],
            },
        )
        for connector in connectors
    ]


def _errors(query: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with each parameter that is wrong."""
    rules = {"from": (0, "either positive or zero"), "limit": (1, "positive")}
    errors = {}
    for name, (least, sense) in rules.items():
        value = integer(query.get(name, str(least)))
        if value is None:
            errors[name] = "This value should be of type integer."
        elif value < least:
            errors[name] = f"This value should be {sense}."
    return errors


def _matching(rows: Sequence[Row], query: Mapping[str, str]) -> Sequence[Row]:
    wanted = {name: query[name] for name in FILTERS if name in query}
    if not wanted:
        return rows
    return [row for row in rows if all(str(row.body.get(name)) == text for name, text in wanted.items())]
