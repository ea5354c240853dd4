"""Each client sends its documented parameters, and takes only the documented answer for an answer."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runs_assets.days import to_us
from runs_assets.errors import RequestRefusedError, UnavailableError
from runs_assets.http.header_auth import HeaderAuth
from runs_assets.http.limits import Limits
from runs_assets.paging.cursor import CursorAsk
from runs_assets.paging.offset import OffsetAsk
from runs_assets.plain_text.redaction import Redactor
from runs_assets.sandbox import Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets.sources.cloudcruise.client import CloudCruiseClient
from runs_assets.sources.productsup.client import ProductsupClient
from runs_assets_tests.conftest import NOW

IMPATIENT = Limits(deadline=0.0)


@pytest.fixture
def cloudcruise(sandbox: Sandbox) -> CloudCruiseClient:
    auth = HeaderAuth("cc-key", sandbox.api_key, "KEY")
    return CloudCruiseClient(sandbox.cloudcruise_url, auth, Redactor(), IMPATIENT)


@pytest.fixture
def productsup(sandbox: Sandbox) -> ProductsupClient:
    auth = HeaderAuth("authorization", f"Bearer {sandbox.token}", "TOKEN")
    return ProductsupClient(sandbox.productsup_url, auth, Redactor(), IMPATIENT)


def test_cloudcruise_sends_the_window(sandbox: Sandbox, cloudcruise: CloudCruiseClient) -> None:
    start = to_us(NOW - timedelta(days=2))
    with cloudcruise:
        cloudcruise.fetch(CursorAsk(start, start + 1_500_000, 7))
    assert sandbox.requests[0].query == {
        "start_time": "2026-03-16T12:00:00Z",
        "cursor": "2026-03-16T12:00:01.500000Z",
        "limit": "7",
    }


def test_productsup_sends_the_offset_or_the_id(sandbox: Sandbox, productsup: ProductsupClient) -> None:
    with productsup:
        productsup.fetch(OffsetAsk(30, 10))
        productsup.fetch_run("i")
    assert [request.query for request in sandbox.requests] == [{"from": "30", "limit": "10"}, {"id": "i"}]


def answering(sandbox: Sandbox, platform: str, document: Any) -> None:
    async def hook(_request: Request, _inner: Handler) -> Response:
        return document if isinstance(document, Response) else JSONResponse(document)

    sandbox.hooks[platform].append(hook)


@pytest.mark.parametrize("document", [{"data": []}, {"data": None}, {"message": "ok"}, "text", 3])
def test_cloudcruise_takes_nothing_but_an_array(
    sandbox: Sandbox, cloudcruise: CloudCruiseClient, document: Any
) -> None:
    answering(sandbox, "cloudcruise", document)
    with cloudcruise, pytest.raises(UnavailableError, match="not a JSON array of runs"):
        cloudcruise.fetch(CursorAsk(0, 1, 1))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "not an object with a list of runs"),
        ({"data": {}}, "not an object with a list of runs"),
        ({"data": None, "errors": ["no database"]}, "the offset of the page"),
        ({"data": None, "metadata": {"from": 3, "total": 18}}, "the page at 3 of 18 runs is empty"),
        ({"data": []}, "the offset of the page"),
        ({"data": [], "metadata": {"from": None}}, "the offset of the page"),
        ({"data": [], "metadata": {"from": -1}}, "the offset of the page"),
        ({"data": [], "metadata": {"from": "9" * 5000}}, "the offset of the page"),
        ({"data": [], "metadata": {"from": 3, "total": 18}}, "the page at 3 of 18 runs is empty"),
    ],
)
def test_productsup_takes_nothing_but_its_envelope(
    sandbox: Sandbox, productsup: ProductsupClient, document: Any, says: str
) -> None:
    answering(sandbox, "productsup", document)
    with productsup, pytest.raises(UnavailableError, match=says):
        productsup.fetch(OffsetAsk(0, 1))


@pytest.mark.parametrize("answer", [JSONResponse(None), Response(status_code=204)])
def test_null_and_no_content_are_a_page_without_rows(
    sandbox: Sandbox, cloudcruise: CloudCruiseClient, productsup: ProductsupClient, answer: Response
) -> None:
    for platform in ("cloudcruise", "productsup"):
        answering(sandbox, platform, answer)
    with cloudcruise, productsup:
        assert len(cloudcruise.fetch(CursorAsk(0, 1, 1))) == 0
        page = productsup.fetch(OffsetAsk(30, 10))
    assert (len(page), page.offset, page.total, page.refusal) == (0, 30, None, None)


def test_data_that_is_null_is_a_page_without_rows(sandbox: Sandbox, productsup: ProductsupClient) -> None:
    answering(sandbox, "productsup", {"data": None, "metadata": {"from": 5, "total": 5}})
    with productsup:
        page = productsup.fetch(OffsetAsk(5, 1))
    assert (len(page), page.offset, page.total) == (0, 5, 5)


@pytest.mark.parametrize(
    ("ask", "code", "is_refused"),
    [
        (OffsetAsk(30, 10), 400, True),
        (OffsetAsk(30, 10), 500, False),
        (OffsetAsk(30, 10, is_past_end=True), 500, True),
        (OffsetAsk(0, 10), 404, False),
        (OffsetAsk(30, 10), 302, False),
    ],
)
def test_a_refusal_stands_for_a_page_only_where_there_may_be_none(
    sandbox: Sandbox, productsup: ProductsupClient, ask: OffsetAsk, code: int, is_refused: bool
) -> None:
    answering(sandbox, "productsup", JSONResponse({"message": "no"}, code))
    with productsup:
        if is_refused:
            assert (
                productsup.fetch(ask).refusal
                == f'HTTP {code} {HTTPStatus(code).phrase}, "no" ({sandbox.productsup_url})'
            )
        else:
            with pytest.raises((RequestRefusedError, UnavailableError)):
                productsup.fetch(ask)


@pytest.mark.parametrize(
    ("total", "expected"), [(5, 5), ("5", 5), (None, None), (-1, None), ("many", None), (1.5, None)]
)
def test_productsup_trusts_what_the_metadata_says_where_it_makes_sense(
    sandbox: Sandbox, productsup: ProductsupClient, total: Any, expected: int | None
) -> None:
    answering(sandbox, "productsup", {"data": [], "metadata": {"from": "5", "total": total}})
    with productsup:
        page = productsup.fetch(OffsetAsk(4, 1))
    assert (page.offset, page.total) == (5, expected)
