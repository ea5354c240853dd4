"""A sandbox whose rows hold secrets wherever a platform might put them, and whose errors repeat ours."""

from base64 import b64encode
from datetime import UTC, date, datetime, time
from typing import Any, cast
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from runs_assets.sandbox import CloudCruise, FixedHistory, Productsup, Row, Sandbox
from runs_assets.sandbox.answers import Handler, json_answer
from runs_assets.sandbox.oauth import TokenIssuer
from runs_assets_tests.security.markers import (
    ALLOWED,
    CLIENT_SECRET,
    CLOUDCRUISE_KEY,
    IN_ROW,
    ISSUED_ACCESS_TOKEN,
    ISSUED_REFRESH_TOKEN,
    PRODUCTSUP_TOKEN,
    REFRESH_TOKEN,
)

SENSITIVE: dict[str, Any] = {
    "registered-secrets": [IN_ROW, {"name": IN_ROW}],
    "authentications": [{"type": "basic", "password": IN_ROW, "more": [{"deep": IN_ROW}]}],
    "connector-setup-config": {"endpoint": f"https://user:{IN_ROW}@feed.invalid", "plain": IN_ROW},
    "cli-command": f"run --password={IN_ROW}",
}
RENAMED: dict[str, Any] = dict.fromkeys(
    ("api-token", "apiToken", "X-SECRET", "oauth", "password_hash", "login-credentials", "signing-key", "user-config"),
    IN_ROW,
)
NESTED: dict[str, Any] = {
    "harmless-object": {"a": {"b": [IN_ROW]}},
    "harmless-list": [IN_ROW, [IN_ROW]],
    "encoded-object": {"note": b64encode(IN_ROW.encode()).decode()},
}
IN_URLS: dict[str, Any] = {
    "homepage": f"https://user:{quote(IN_ROW, safe='')}@feed.invalid/a",
    "feed": f"see ftp://user:{quote(IN_ROW)}@feed.invalid, https://feed.invalid/?access_token={quote(IN_ROW)}",
}
EVERYWHERE = {**SENSITIVE, **RENAMED, **NESTED, **IN_URLS}


class MarkedIssuer(TokenIssuer):
    """Issues the one pair of tokens that the search knows."""

    def _issue(self, now: datetime) -> Response:
        answer = super()._issue(now)
        self._expiry = {ISSUED_ACCESS_TOKEN: max(self._expiry.values())}
        self.refresh_token = ISSUED_REFRESH_TOKEN
        document = {
            **orjson.loads(answer.body),
            "access_token": ISSUED_ACCESS_TOKEN,
            "refresh_token": ISSUED_REFRESH_TOKEN,
        }
        return json_answer(document)


def planted_sandbox(day: date) -> Sandbox:
    """Both platforms with rows of `day`; a base URL that ends in a scenario's name gets that scenario."""
    noon = datetime.combine(day, time(12), UTC)
    sandbox = Sandbox(
        CloudCruise(FixedHistory(_cloudcruise_rows(noon)), api_key=CLOUDCRUISE_KEY),
        Productsup(
            FixedHistory(_productsup_rows(noon)),
            token=PRODUCTSUP_TOKEN,
            tokens=MarkedIssuer("planted-client", CLIENT_SECRET, REFRESH_TOKEN),
        ),
    )
    for hooks in sandbox.hooks.values():
        hooks.append(_scenario)
    return sandbox


async def _scenario(request: Request, inner: Handler) -> Response:
    name = request.url.path.split("/")[2]
    if name.isdecimal():
        return _echo(request, int(name))
    if name == "html":
        return PlainTextResponse(f"<html>{request.headers}</html>", headers=_echoing_headers(request))
    if name == "redirect":
        return RedirectResponse(f"http://localhost:9/?token={quote(_credential(request))}", 302)
    if name == "invalid-grant":
        said = (await request.body()).decode()
        return json_answer({"error": f"invalid_grant {said} {_credential(request)}", "error_description": said}, 400)
    if name == "odd-token":
        return json_answer({"access_token": f"{ISSUED_ACCESS_TOKEN}\r\nx: y", "token_type": "bearer"})
    answer = await inner(request)
    answer.headers.update(_echoing_headers(request))
    return answer


def _echo(request: Request, status: int) -> Response:
    """What careless servers say: the credential as it came, encoded, escaped, cut."""
    credential = _credential(request)
    spellings = [credential, quote(credential), quote(credential, safe=""), b64encode(credential.encode()).decode()]
    said = " ".join([*spellings, credential[:30], credential[8:], repr(request.headers), str(request.url)])
    errors = {credential: credential, "authorization": request.headers.get("authorization")}
    return json_answer({"message": said, "errors": errors}, status, _echoing_headers(request))


def _credential(request: Request) -> str:
    header = request.headers.get("cc-key") or request.headers.get("authorization", "")
    return header.rpartition(" ")[2]


def _echoing_headers(request: Request) -> dict[str, str]:
    return {"x-echo": _credential(request), "set-cookie": f"session={quote(IN_ROW)}; Path=/"}


def _cloudcruise_rows(noon: datetime) -> list[Row]:
    rows = [
        {
            "session_id": f"session-{number}",
            "status": "execution.success",
            "created_at": noon.isoformat(),
            "workflow_id": ALLOWED,
            **extra,
        }
        for number, extra in enumerate(({}, EVERYWHERE, {**EVERYWHERE, "session_id": None}))
    ]
    return [Row(noon, body) for body in (*rows, *_hopeless(rows[0]["created_at"]))]


def _productsup_rows(noon: datetime) -> list[Row]:
    whole = {
        "id": "run-0",
        "state": "finished",
        "exit-code": 0,
        "site-name": ALLOWED,
        "created-at": noon.isoformat(),
        **EVERYWHERE,
    }
    bodies = [whole, {**whole, "id": None}, {**whole, "id": {"secret": IN_ROW}}, {**whole, "id": ""}]
    return [Row(noon, body) for body in (*bodies, *_hopeless(whole["created-at"]))]


def _hopeless(created_at: str) -> list[dict[str, Any]]:
    """Rows that end in quarantine: without a creation time, and without being objects."""
    timeless = {"id": "timeless", "session_id": "timeless", "created-at": None, "created_at": None, **EVERYWHERE}
    odd: list[Any] = [IN_ROW, [IN_ROW, {"created_at": created_at, "x": IN_ROW}], [IN_ROW.encode().hex()], None, 7]
    return [timeless, *cast("list[dict[str, Any]]", odd)]
