"""No secret, neither ours nor one of the rows', is in any file, log or answer, whatever a run goes through."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runs_assets.days import utc_now
from runs_assets.sandbox import Sandbox
from runs_assets_tests.security.markers import (
    ALLOWED,
    CLIENT_SECRET,
    CLOUDCRUISE_KEY,
    PRODUCTSUP_TOKEN,
    REFRESH_TOKEN,
    found,
    secret,
)
from runs_assets_tests.security.planted import planted_sandbox
from runs_assets_tests.security.processes import Workplace
from runs_assets_tests.security.queries import EVERYTHING
from runs_assets_tests.security.search import files_with

pytestmark = pytest.mark.timeout(240)  # for the processes that all of these tests share

DAY = utc_now().date() - timedelta(days=1)
TOKEN_FILES = ("data-refreshed/.tokens/productsup.json", "data-damaged/.tokens/productsup.json")
FAILURES = {
    "cloudcruise 400": "HTTP 400 Bad Request",
    "cloudcruise 401": "Check CLOUDCRUISE_API_KEY",
    "cloudcruise 403": "Give CLOUDCRUISE_API_KEY access",
    "cloudcruise 500": "HTTP 500 Internal Server Error",
    "cloudcruise html": "the body is not JSON",
    "cloudcruise redirect": "Redirects are not followed",
    "cloudcruise nobody": "No connection",
    "cloudcruise url with credentials": "must not contain a user name or a password",
    "cloudcruise key of two lines": "cannot be sent in a header",
    "cloudcruise settings": "CLOUDCRUISE_PAGE_SIZE",
    "productsup 401": "Check PRODUCTSUP_CDE_TOKEN",
    "productsup 403": "Give PRODUCTSUP_CDE_TOKEN access",
    "productsup 500": "HTTP 500 Internal Server Error",
    "productsup redirect": "Redirects are not followed",
    "productsup refreshed 401": "Check PRODUCTSUP_CDE_REFRESH_TOKEN",
    "productsup token invalid-grant": "refused to refresh the token",
    "productsup token html": "not a JSON object",
    "productsup token redirect": "set the token URL to the final address",
    "productsup token odd-token": "not what RFC 6749 describes",
    "productsup token 500": "The token endpoint answered HTTP 500",
    "productsup token file": "The file of rotated tokens is damaged",
    "productsup token url": "PRODUCTSUP_CDE_TOKEN_URL",
}


@dataclass
class Planted:
    """What is left of all runs: files, what became of each run, and what the page answers about them."""

    root: Path
    outcomes: dict[str, str]
    page: dict[str, Any]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    root = tmp_path_factory.mktemp("planted")
    workplace = Workplace.at(root)
    damaged = root / TOKEN_FILES[1]
    damaged.parent.mkdir(parents=True)
    damaged.write_text(f'{{"tokens": "{secret("damaged")}')
    with planted_sandbox(DAY) as sandbox:
        settings = good_settings(sandbox)
        command = ["dagster", "asset", "materialize", "-m", "runs_assets.definitions", "--select", "key:cloudcruise/*"]
        with workplace.page(settings) as page:
            workplace.run("command-line", [*command, "--partition", str(DAY)], settings)
            outcomes = workplace.run_scenarios(scenarios(sandbox, root), settings)
            page.wait()
            answers = {name: page.ask(query) for name, query in EVERYTHING.items()}
    return Planted(root, outcomes, answers)


def good_settings(sandbox: Sandbox) -> dict[str, str]:
    return {
        "CLOUDCRUISE_BASE_URL": sandbox.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": CLOUDCRUISE_KEY,
        "PRODUCTSUP_CDE_BASE_URL": sandbox.productsup_url,
        "PRODUCTSUP_CDE_TOKEN": PRODUCTSUP_TOKEN,
    }


def scenarios(sandbox: Sandbox, root: Path) -> list[dict[str, Any]]:
    """Both sources well, then each kind of failure."""
    cruise, cde = sandbox.cloudcruise_url, sandbox.productsup_url
    refreshed = {
        "PRODUCTSUP_CDE_TOKEN": "",
        "PRODUCTSUP_CDE_TOKEN_URL": sandbox.token_url,
        "PRODUCTSUP_CDE_CLIENT_ID": "planted-client",
        "PRODUCTSUP_CDE_CLIENT_SECRET": CLIENT_SECRET,
        "PRODUCTSUP_CDE_REFRESH_TOKEN": REFRESH_TOKEN,
        "RUNS_ASSETS_DATA": str(root / "data-refreshed"),
    }
    fresh = {**refreshed, "RUNS_ASSETS_DATA": str(root / "data-refused")}
    ends = {
        "cloudcruise well": {},
        "productsup well": {},
        "productsup refreshed well": refreshed,
        **{
            f"cloudcruise {end}": {"CLOUDCRUISE_BASE_URL": f"{cruise}/{end}"}
            for end in ("400", "401", "403", "500", "html", "redirect")
        },
        "cloudcruise nobody": {"CLOUDCRUISE_BASE_URL": "http://127.0.0.1:9"},
        "cloudcruise url with credentials": {
            "CLOUDCRUISE_BASE_URL": f"https://user:{quote(secret('url'), safe='')}@host.invalid"
        },
        "cloudcruise key of two lines": {"CLOUDCRUISE_API_KEY": f"{CLOUDCRUISE_KEY}\nx"},
        "cloudcruise settings": {"CLOUDCRUISE_PAGE_SIZE": secret("page-size")},
        **{
            f"productsup {end}": {"PRODUCTSUP_CDE_BASE_URL": f"{cde}/{end}"}
            for end in ("401", "403", "500", "redirect")
        },
        "productsup refreshed 401": {**refreshed, "PRODUCTSUP_CDE_BASE_URL": f"{cde}/401"},
        **{
            f"productsup token {end}": {**fresh, "PRODUCTSUP_CDE_TOKEN_URL": f"{cde}/{end}/token"}
            for end in ("invalid-grant", "html", "redirect", "odd-token", "500")
        },
        "productsup token file": {**refreshed, "RUNS_ASSETS_DATA": str(root / "data-damaged")},
        "productsup token url": {
            **fresh,
            "PRODUCTSUP_CDE_TOKEN_URL": f"https://user:{secret('token-url')}@host.invalid/?x={secret('query')}",
        },
    }
    return [
        {"name": name, "source": name.split()[0], "settings": changed, "day": str(DAY)}
        for name, changed in ends.items()
    ]


def test_every_scenario_went_the_way_it_was_meant_to(planted: Planted) -> None:
    assert planted.outcomes.keys() >= FAILURES.keys()
    for name, outcome in planted.outcomes.items():
        assert FAILURES[name] in outcome if name in FAILURES else not outcome, name


def test_no_file_holds_a_secret_but_that_of_the_rotated_tokens(planted: Planted) -> None:
    assert files_with(planted.root) == {name: ["plain"] for name in TOKEN_FILES}
    for name in TOKEN_FILES:
        assert (planted.root / name).stat().st_mode & 0o777 == 0o600
        assert (planted.root / name).parent.stat().st_mode & 0o777 == 0o700


def test_no_answer_of_the_page_holds_a_secret(planted: Planted) -> None:
    for name, answer in planted.page.items():
        assert found(json.dumps(answer).encode()) == [], name


def test_the_search_finds_what_may_be_stored_in_each_place_where_it_looks(planted: Planted) -> None:
    places = files_with(planted.root, ALLOWED)
    part = f"source=productsup/date={DAY}/part-0"
    assert {f"data/raw_runs/{part}.jsonl.zst", f"data/runs/{part}.parquet"} <= places.keys()
    assert f"data/quarantine/{part}.jsonl.zst" in places
    assert any(name.startswith("dagster_home/") and name.endswith(".db") for name in places)
    assert found(json.dumps(planted.page["assets"]).encode(), ALLOWED) == ["plain"]


def test_debug_was_on_and_the_failures_are_on_the_page(planted: Planted) -> None:
    logged = (planted.root / "scenarios.err").read_text()
    for said in ("receive_response_headers.complete", "send_request_headers.started", "trying again in"):
        assert said in logged
    shown = json.dumps(planted.page["runs"])
    for said in ("Redirects are not followed", "receive_response_headers.complete", "HTTP 403"):
        assert said in shown
