"""Tokens, names and errors that several machines write at once: no token is used twice, and nothing added is lost."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from runs_assets.http.header_auth import Send
from runs_assets.http.oauth import RefreshingBearerAuth
from runs_assets.http.token_file import RefreshGrant, TokenFile
from runs_assets.plain_text.redaction import Redactor
from runs_assets.reasons.details_files import (
    KnownDetails,
    PipelineErrors,
    load_details,
    load_error_groups,
    store_details,
    store_error_groups,
)
from runs_assets.sandbox import Sandbox
from runs_assets.storage.layout import Layout
from runs_assets_tests.conftest import NOW

MACHINES, ROUNDS = 3, 4
DAY, SOURCE = date(2026, 3, 1), "productsup"


@dataclass(frozen=True)
class Shared:
    """The files of several machines, and what each holds while it adds: on a disk a lock, elsewhere nothing."""

    layout: Layout
    guard: Callable[[], AbstractContextManager[object]]


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.cluster)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    if request.param == "folder":
        layout = Layout(tmp_path)
        return Shared(layout, lambda: layout.lock_file(SOURCE).held(SOURCE, patience=60))
    return Shared(Layout(request.getfixturevalue("bucket_url")), nullcontext)


def at_once(work: Iterable[Callable[[], object]]) -> None:
    """Do some work on as many machines, all of which begin together."""
    together = Barrier(MACHINES)

    def one(task: Callable[[], object]) -> None:
        together.wait()
        task()

    with ThreadPoolExecutor(MACHINES) as pool:
        list(pool.map(one, work))


@dataclass
class Machine:
    """One of the machines that have the same refresh token."""

    shared: Shared
    grant: RefreshGrant

    def __post_init__(self) -> None:
        file = TokenFile(self.shared.layout.token_file(SOURCE), self.grant)
        self.auth = RefreshingBearerAuth(self.grant, file, Redactor(), lambda: NOW, "TOKEN")

    def token(self, then: Callable[[], None] = lambda: None) -> str:
        """The access token that is stored in the end; `then` happens while the answer is on its way."""
        self.auth.renew(sending(then))
        return self.auth.headers(sending(then))["authorization"]


def sending(then: Callable[[], None]) -> Send:
    def send(request: httpx.Request) -> tuple[httpx.Response, bytes]:
        with httpx.Client() as client:
            response = client.send(request)
        then()
        return response, response.content

    return send


@pytest.fixture
def grant(sandbox: Sandbox) -> RefreshGrant:
    tokens = sandbox.productsup.tokens
    return RefreshGrant(sandbox.token_url, tokens.client_id, tokens.client_secret, tokens.refresh_token)


def asked(sandbox: Sandbox) -> list[int]:
    return [request.status for request in sandbox.requests if request.path.endswith("/token")]


def test_machines_that_renew_at_once_use_each_refresh_token_once(
    shared: Shared, grant: RefreshGrant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs_assets.storage.lease.POLL_SECONDS", 0.1)
    for number in range(ROUNDS):
        at_once([Machine(shared, grant).token for _ in range(MACHINES)])
        assert asked(sandbox) == [200] * (number + 1)  # a spent token would be refused


def test_what_another_machine_got_is_taken_over(shared: Shared, grant: RefreshGrant, sandbox: Sandbox) -> None:
    first, second = Machine(shared, grant), Machine(shared, grant)
    assert first.token() == second.token() == "Bearer sandbox-access-token-1"
    assert asked(sandbox) == [200]
    assert second.token() == first.token() == "Bearer sandbox-access-token-2"
    assert asked(sandbox) == [200] * 2


def test_a_machine_that_stood_still_does_not_overwrite_what_was_got_meanwhile(
    shared: Shared, grant: RefreshGrant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its right has expired, and the service still takes the token that it sends, as some do for a while."""
    monkeypatch.setattr(TokenFile, "claimed", lambda _: nullcontext())
    issuer = sandbox.productsup.tokens
    late, other = Machine(shared, grant), Machine(shared, grant)

    def overtake() -> None:
        issuer.refresh_token = grant.refresh_token
        other.token()

    assert late.token(overtake) == "Bearer sandbox-access-token-2"
    assert Machine(shared, grant).auth.headers(sending(overtake)) == {"authorization": "Bearer sandbox-access-token-2"}


def test_names_and_refusals_that_are_added_at_once_are_all_kept(shared: Shared) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)

    def add(name: str) -> None:
        with shared.guard():
            store_details(shared.layout, SOURCE, KnownDetails({name: name}, at, {name: at}))

    every = [f"{machine} {number}" for number in range(ROUNDS) for machine in range(MACHINES)]
    for number in range(ROUNDS):
        at_once([partial(add, f"{machine} {number}") for machine in range(MACHINES)])
    known = load_details(shared.layout, SOURCE)
    assert known == KnownDetails({name: name for name in every}, at, dict.fromkeys(every, at))


def test_errors_that_are_added_at_once_are_all_kept(shared: Shared) -> None:
    def add(pipeline: str) -> None:
        with shared.guard():
            errors = PipelineErrors(pipeline, 1, NOW, ())
            store_error_groups(shared.layout, SOURCE, DAY, {pipeline: errors})

    for number in range(ROUNDS):
        at_once([partial(add, f"{machine} {number}") for machine in range(MACHINES)])
    assert len(load_error_groups(shared.layout, SOURCE, DAY)) == MACHINES * ROUNDS
