import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import httpx
import pytest

from runs_assets.sandbox.faults import FAULTS, FaultError, fault_names, switched_on
from runs_assets.sandbox.faults.answers import ServerErrors
from runs_assets.sandbox.faults.drift import RunsDeletedWhilePaging
from runs_assets_tests.sandbox.asking import PLATFORMS, Asker

both = pytest.mark.parametrize("platform", PLATFORMS)
NEVER_IN_TIME = {"hanging_answers", "slow_answers", "endless_bodies"}


def listed(ask: Asker) -> Mapping[str, dict[str, bool]]:
    """What `GET /faults` says is on, by platform and name."""
    document = ask.client.get(f"{ask.sandbox.url}/faults").json()
    return MappingProxyType({key: {fault["name"]: fault["on"] for fault in faults} for key, faults in document.items()})


def switch(ask: Asker, method: str, path: str) -> httpx.Response:
    return ask.client.request(method, f"{ask.sandbox.url}/faults/{path}")


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_has_a_plain_name_and_a_sentence_and_begins_anew(name: str) -> None:
    kind = FAULTS[name]
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", name)
    assert re.fullmatch(r"[A-Zm].{10,119}\.", kind.about)
    for platform in kind.platforms:
        assert type(switched_on(platform, name)) is kind
        assert switched_on(platform, name) is not switched_on(platform, name)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        FaultError, match=r"productsup has no fault 'nope'; it has bodies_cut, .*next_is_path, .*unstable_ties$"
    ):
        switched_on("productsup", "nope")
    with pytest.raises(FaultError, match=r"^there is no platform 'nope'; there are cloudcruise, productsup$"):
        switched_on("nope", "server_errors")


def test_a_fault_of_the_other_platform_is_refused(ask: Asker) -> None:
    with pytest.raises(FaultError, match="cloudcruise has no fault 'next_is_path'"):
        ask.sandbox.switch_on("cloudcruise", "next_is_path")
    with pytest.raises(FaultError, match="productsup has no fault 'too_many_requests_body'"):
        ask.sandbox.switch_off("productsup", "too_many_requests_body")
    assert "next_is_path" not in fault_names("cloudcruise")


@both
def test_a_fault_is_on_until_it_is_switched_off(ask: Asker, platform: str) -> None:
    fault = ask.sandbox.switch_on(platform, ServerErrors(every=1))
    assert isinstance(fault, ServerErrors)
    assert ask.list_runs(platform).status_code == 500
    (other,) = set(PLATFORMS) - {platform}
    assert ask.list_runs(other).status_code == 200
    ask.sandbox.switch_off(platform, "server_errors")
    ask.sandbox.switch_off(platform, "server_errors")
    assert ask.list_runs(platform).status_code == 200


def test_switching_a_fault_on_again_begins_it_anew(ask: Asker) -> None:
    for _ in range(2):
        ask.sandbox.switch_on("productsup", "server_errors")
        assert [ask.productsup().status_code for _ in range(2)] == [500, 200]
    assert len(ask.sandbox.productsup.faults) == 1


def test_a_fault_sees_the_rows_that_those_switched_on_before_leave(ask: Asker) -> None:
    ask.show("cloudcruise", 2)
    ask.sandbox.switch_on("cloudcruise", "ids_repeated_across_pages")
    ask.sandbox.switch_on("cloudcruise", RunsDeletedWhilePaging(count=1))
    counts = [len(ask.sessions()) for _ in range(2)]
    assert counts == [6, 3]
    ask.sandbox.switch_off("cloudcruise", "runs_deleted_while_paging")
    assert len(ask.sessions()) == 6


def test_faults_are_listed_and_switched_over_http(ask: Asker) -> None:
    before = listed(ask)
    assert {key: sorted(names) for key, names in before.items()} == {key: fault_names(key) for key in PLATFORMS}
    assert not any(is_on for names in before.values() for is_on in names.values())
    answer = switch(ask, "PUT", "productsup/server_errors")
    assert (answer.status_code, answer.json()) == (200, {"platform": "productsup", "name": "server_errors", "on": True})
    switch(ask, "PUT", "productsup/unknown_words")
    switch(ask, "PUT", "cloudcruise/html_pages")
    assert {(key, name) for key, names in listed(ask).items() for name, is_on in names.items() if is_on} == {
        ("productsup", "server_errors"),
        ("productsup", "unknown_words"),
        ("cloudcruise", "html_pages"),
    }
    assert ask.productsup().status_code == 500
    assert switch(ask, "DELETE", "productsup/server_errors").json()["on"] is False
    switch(ask, "PUT", "productsup/unknown_words")
    assert [fault.name for fault in ask.sandbox.productsup.faults] == ["unknown_words"]


def test_the_list_tells_each_fault_in_a_sentence(ask: Asker) -> None:
    faults = ask.client.get(f"{ask.sandbox.url}/faults").json()["cloudcruise"]
    assert {"name": "unsorted_list", "on": False, "about": "The list is in no order."} in faults


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("PUT", "productsup/nope", 404, "productsup has no fault 'nope'"),
        ("DELETE", "cloudcruise/next_is_path", 404, "cloudcruise has no fault 'next_is_path'"),
        ("PUT", "nope/server_errors", 404, "there is no platform 'nope'"),
    ],
)
def test_a_wrong_switch_is_refused_over_http(ask: Asker, method: str, path: str, status: int, message: str) -> None:
    answer = switch(ask, method, path)
    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)


def test_switching_is_no_request_to_a_platform(ask: Asker) -> None:
    switch(ask, "PUT", "productsup/nope")
    listed(ask)
    assert ask.sandbox.requests == []


@both
def test_all_faults_together_answer_badly_and_break_nothing(
    ask: Asker, platform: str, caplog: pytest.LogCaptureFixture
) -> None:
    ask.show(platform, 60)
    seen = [
        *status_with_all(ask, platform, fault_names(platform)),
        *status_with_all(ask, platform, fault_names(platform)[::-1]),
    ]
    assert {200, 302, 429, 500} <= set(seen)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []
    for name in fault_names(platform):
        ask.sandbox.switch_off(platform, name)
    assert len(ask.rows(platform)) == 60


def status_with_all(ask: Asker, platform: str, names: list[str]) -> Iterator[int | str]:
    """Switch them on, the last one outermost, and ask forty times."""
    for name in names:
        if name not in NEVER_IN_TIME:
            ask.sandbox.switch_on(platform, name)
    for offset in range(40):
        try:
            yield ask.list_runs(platform, {"limit": 10, "from": offset}).status_code
        except httpx.TransportError as error:
            yield type(error).__name__
