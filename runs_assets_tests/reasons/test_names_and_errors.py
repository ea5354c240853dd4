"""What the clients ask beside the runs, over real HTTP: names of pipelines, and errors in groups."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runs_assets.errors import CredentialsError, RequestRefusedError, UnavailableError
from runs_assets.http.header_auth import HeaderAuth
from runs_assets.http.limits import Limits
from runs_assets.plain_text.redaction import Redactor
from runs_assets.sandbox import Sandbox, simulated_cloudcruise
from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.cloudcruise_errors import PRIVATE
from runs_assets.sandbox.identity import named_id
from runs_assets.sandbox.productsup import CONNECTOR_SECRET
from runs_assets.sandbox.profiles import CONNECTORS, Pipeline
from runs_assets.sources.cloudcruise.client import CloudCruiseClient
from runs_assets.sources.productsup.client import ProductsupClient

IMPATIENT = Limits(deadline=0.0, read=20)
START = datetime(2026, 3, 17, tzinfo=UTC)
END = START + timedelta(days=1)
WORKFLOW = named_id("statement-upload")


@pytest.fixture
def cloudcruise(sandbox: Sandbox) -> CloudCruiseClient:
    auth = HeaderAuth("cc-key", sandbox.api_key, "KEY")
    return CloudCruiseClient(sandbox.cloudcruise_url, auth, Redactor([sandbox.api_key])).within(IMPATIENT)


@pytest.fixture
def productsup(sandbox: Sandbox) -> ProductsupClient:
    auth = HeaderAuth("authorization", f"Bearer {sandbox.token}", "TOKEN")
    return ProductsupClient(sandbox.productsup_url, auth, Redactor([sandbox.token])).within(IMPATIENT)


def answering(sandbox: Sandbox, platform: str, document: Any) -> None:
    async def hook(_request: Request, _inner: Handler) -> Response:
        return JSONResponse(document)

    sandbox.hooks[platform].append(hook)


def test_workflows_have_their_names(cloudcruise: CloudCruiseClient) -> None:
    with cloudcruise:
        names = cloudcruise.pipeline_names()
    assert len(names) == 8
    assert names[WORKFLOW] == "statement-upload"


def test_ones_own_connectors_have_their_names_from_all_pages(sandbox: Sandbox, productsup: ProductsupClient) -> None:
    sandbox.productsup.own_connectors = [Pipeline(f"own-{n}", 1, 1, 0) for n in range(250)]
    with productsup:
        names = productsup.pipeline_names()
    assert names == {named_id(f"own-{n}"): f"own-{n}" for n in range(250)}
    assert [request.query["from"] for request in sandbox.requests] == ["0", "100", "200"]


def test_pages_of_connectors_may_be_smaller_than_asked_for(sandbox: Sandbox, productsup: ProductsupClient) -> None:
    sandbox.productsup.max_page_size = 3
    with productsup:
        assert set(productsup.pipeline_names().values()) == {connector.name for connector in CONNECTORS[:-1]}


@pytest.mark.parametrize("metadata", [None, {}, {"total": None}, {"total": "many"}])
def test_a_list_that_begins_again_and_has_no_total_ends(
    sandbox: Sandbox, productsup: ProductsupClient, metadata: Any
) -> None:
    answering(sandbox, "productsup", {"data": [{"id": "c", "name": "n"}], "metadata": metadata})
    with productsup:
        assert productsup.pipeline_names() == {"c": "n"}
    assert len(sandbox.requests) == 2


def test_a_list_of_connectors_without_end_is_given_up(sandbox: Sandbox, productsup: ProductsupClient) -> None:
    answering(sandbox, "productsup", {"data": [{"id": "c", "name": "n"}], "metadata": {"total": 10**9}})
    with productsup, pytest.raises(UnavailableError, match="does not end"):
        productsup.pipeline_names()
    assert len(sandbox.requests) == 40
    seconds = iter(range(1000))
    productsup.monotonic = lambda: float(next(seconds))
    with productsup.within(IMPATIENT) as slow, pytest.raises(UnavailableError, match="too long"):
        slow.pipeline_names()
    assert len(sandbox.requests) < 50


NAMED = [
    ({"id": "a", "name": "plain"}, {"a": "plain"}),
    ({"id": 5, "name": "number"}, {"5": "number"}),
    ({"id": "a", "name": "\x1b[2Jtwo\nlines\u202e"}, {"a": "[2Jtwo lines"}),
    ({"id": "a", "name": "n" * 5000}, {"a": "n" * 200}),
    ({"id": "a", "name": "ftp://user:pass@host/feed"}, {"a": "ftp://[redacted]@host/feed"}),
    ({"id": "a", "name": ""}, {}),
    ({"id": "a", "name": None}, {}),
    ({"id": None, "name": "x"}, {}),
    ({"id": "", "name": "x"}, {}),
    ({"id": "i" * 201, "name": "x"}, {}),
    ({"id": ["a"], "name": "x"}, {}),
    ("text", {}),
    (None, {}),
]


@pytest.mark.parametrize(("row", "names"), NAMED)
def test_names_are_short_lines_without_credentials_and_odd_rows_are_passed_over(
    sandbox: Sandbox, cloudcruise: CloudCruiseClient, productsup: ProductsupClient, row: Any, names: dict[str, str]
) -> None:
    answering(sandbox, "cloudcruise", [row])
    answering(sandbox, "productsup", {"data": [row]})
    with cloudcruise, productsup:
        assert cloudcruise.pipeline_names() == names
        assert productsup.pipeline_names() == names


def test_our_own_key_in_a_name_is_masked(sandbox: Sandbox, cloudcruise: CloudCruiseClient) -> None:
    answering(sandbox, "cloudcruise", [{"id": "a", "name": f"flow {sandbox.api_key}"}])
    with cloudcruise:
        assert cloudcruise.pipeline_names() == {"a": "flow [redacted]"}


@pytest.mark.parametrize(
    "document", [None, {}, [], 3, "text", {"data": 3}, {"data": [[]]}, {"data": [], "metadata": {"total": 5}}]
)
def test_an_unknown_shape_names_nothing_and_explains_nothing(
    sandbox: Sandbox, cloudcruise: CloudCruiseClient, productsup: ProductsupClient, document: Any
) -> None:
    answering(sandbox, "cloudcruise", document)
    answering(sandbox, "productsup", document)
    with cloudcruise, productsup:
        assert cloudcruise.pipeline_names() == productsup.pipeline_names() == {}
        assert list(cloudcruise.error_groups(WORKFLOW, START, END)) == []


def test_errors_name_every_failed_run_of_the_day_and_nothing_private(
    sandbox: Sandbox, cloudcruise: CloudCruiseClient
) -> None:
    history = sandbox.cloudcruise.history = simulated_cloudcruise(days=5)
    with cloudcruise:
        groups = cloudcruise.error_groups(WORKFLOW, START, END)
    assert sandbox.requests[0].query == {
        "start_timestamp": "2026-03-17T00:00:00Z",
        "end_timestamp": "2026-03-18T00:00:00Z",
        "limit": "1000",
    }
    its = [truth for truth in history.truth(sandbox.clock()) if truth["pipeline_id"] == WORKFLOW]
    ended = [truth for truth in its if truth["finished_at"] and START <= truth["finished_at"] < END]
    failed = {truth["run_id"] for truth in ended if truth["status"] == "failed"}
    assert failed
    assert failed <= {run_id for group in groups for run_id in group.run_ids}
    assert PRIVATE not in repr(groups)


def test_an_id_that_would_be_another_path_is_not_asked_for(sandbox: Sandbox, cloudcruise: CloudCruiseClient) -> None:
    with cloudcruise:
        for odd in ("..", "a/b", "a?b", "", "a b", "%2e%2e"):
            assert list(cloudcruise.error_groups(odd, START, END)) == []
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (401, CredentialsError),
        (403, CredentialsError),
        (404, RequestRefusedError),
        (500, UnavailableError),
        ("hang", UnavailableError),
    ],
)
def test_trouble_is_one_of_our_errors_soon(
    sandbox: Sandbox, cloudcruise: CloudCruiseClient, productsup: ProductsupClient, trouble: Any, error: type[Exception]
) -> None:
    sandbox.cloudcruise.trouble = sandbox.productsup.trouble = trouble
    soon = Limits(deadline=0, read=0.2) if trouble == "hang" else IMPATIENT
    cloudcruise, productsup = cloudcruise.within(soon), productsup.within(soon)
    asks: list[Callable[[], Any]] = [
        cloudcruise.pipeline_names,
        productsup.pipeline_names,
        lambda: cloudcruise.error_groups(WORKFLOW, START, END),
    ]
    began = time.monotonic()
    with cloudcruise, productsup:
        for ask in asks:
            with pytest.raises(error) as raised:
                ask()
            assert CONNECTOR_SECRET not in str(raised.value)
    assert time.monotonic() - began < 20  # not the 300 s that a reading of runs may take


def test_bounds_are_of_the_client_that_was_given_them(cloudcruise: CloudCruiseClient) -> None:
    other = cloudcruise.within(Limits(deadline=7))
    assert (cloudcruise.limits, other.limits.deadline) == (IMPATIENT, 7)
    with cloudcruise, other:
        other.pipeline_names()
        assert (cloudcruise.requests, other.requests) == (0, 1)
