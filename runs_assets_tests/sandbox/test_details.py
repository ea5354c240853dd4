"""What the platforms tell beside their runs: names, and why runs failed."""

from collections import Counter
from typing import Any

import httpx
import pytest

from runs_assets.sandbox import FixedHistory, simulated_cloudcruise
from runs_assets.sandbox.cloudcruise_errors import CAUSES, PRIVATE, SITE_DOWN
from runs_assets.sandbox.identity import named_id
from runs_assets.sandbox.productsup import CONNECTOR_SECRET
from runs_assets_tests.sandbox.asking import OTHER_WORKFLOW, WORKFLOW, Asker, session

DAY = {"start_timestamp": "2026-03-17T00:00:00Z", "end_timestamp": "2026-03-18T00:00:00Z"}
PATHS = [
    ("cloudcruise", "/workflows"),
    ("cloudcruise", f"/runs/workflow/{WORKFLOW}/errors"),
    ("productsup", "/connectors"),
]


def get(ask: Asker, platform: str, path: str, query: dict[str, str] | None = None, **headers: str) -> httpx.Response:
    its = {"cc-key": ask.sandbox.api_key, "Authorization": f"Bearer {ask.sandbox.token}"} | headers
    return ask.client.get(f"{ask.sandbox.url}/{platform}{path}", params=query, headers=its)


def report(ask: Asker, workflow: str = WORKFLOW, **query: str) -> dict[str, Any]:
    answer = get(ask, "cloudcruise", f"/runs/workflow/{workflow}/errors", DAY | query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_every_workflow_has_a_name(ask: Asker) -> None:
    names = {row["id"]: row["name"] for row in get(ask, "cloudcruise", "/workflows").json()}
    assert len(names) == 8
    assert names[named_id("invoice-download")] == "invoice-download"


def test_the_errors_of_a_workflow_come_in_groups_with_their_sessions(ask: Asker) -> None:
    ask.sandbox.cloudcruise.history = FixedHistory.of(
        [
            session("on the day", "2026-03-17T10:00:00Z", status="execution.failed"),
            session(
                "failed on the day",
                "2026-03-16T23:59:00Z",
                status="execution.failed",
                execution_end="2026-03-17T00:00:00Z",
            ),
            session(
                "a day later", "2026-03-17T23:59:00Z", status="execution.failed", execution_end="2026-03-18T00:00:00Z"
            ),
            session("another's", "2026-03-17T10:00:00Z", status="execution.failed", workflow_id=OTHER_WORKFLOW),
            session("stopped", "2026-03-17T10:00:00Z", status="execution.stopped"),
        ]
    )
    answer = report(ask)
    groups = answer["error_groups"]
    assert sorted(error["session_id"] for group in groups.values() for error in group["errors"]) == [
        "failed on the day",
        "on the day",
    ]
    assert answer["total_errors"] == 2 == sum(group["count"] for group in groups.values())
    assert all(error["error_code"] == code for code, group in groups.items() for error in group["errors"])
    assert PRIVATE in str(groups)
    assert report(ask, limit="1")["total_errors"] == 1


def test_a_history_fails_for_every_cause_and_for_the_same_at_every_look(ask: Asker) -> None:
    history = ask.sandbox.cloudcruise.history = simulated_cloudcruise(days=20)
    span = {"start_timestamp": "2026-03-01T00:00:00Z", "end_timestamp": "2026-03-18T12:00:00Z"}
    found: Counter[str] = Counter()
    sessions: set[str] = set()
    for row in get(ask, "cloudcruise", "/workflows").json():
        groups = report(ask, row["id"], **span)["error_groups"]
        assert report(ask, row["id"], **span)["error_groups"] == groups
        found.update({code: group["count"] for code, group in groups.items()})
        sessions |= {error["session_id"] for group in groups.values() for error in group["errors"]}
    assert set(found) == {code for code, *_ in CAUSES} | {SITE_DOWN[0]}
    truths = [truth for truth in history.truth(ask.sandbox.clock()) if str(truth["finished_at"]) >= "2026-03-01"]
    failed = {truth["run_id"] for truth in truths if truth["status"] == "failed" and truth["finished_at"]}
    succeeded = {truth["run_id"] for truth in truths if truth["status"] == "succeeded"}
    assert failed <= sessions
    assert 10 < len(sessions - failed) < 200
    assert sessions - failed <= succeeded  # they recovered


@pytest.mark.parametrize(
    "query", [{}, {"start_timestamp": "x"}, {"start_timestamp": "2026-03-17T00:00:00Z"}, DAY | {"limit": "1001"}]
)
def test_errors_need_both_times_and_a_limit_up_to_1000(ask: Asker, query: dict[str, str]) -> None:
    assert get(ask, "cloudcruise", f"/runs/workflow/{WORKFLOW}/errors", query).status_code == 400
    assert get(ask, "cloudcruise", "/runs/workflow/no-uuid/errors", DAY).status_code == 400


def test_the_connectors_are_ones_own_and_paged(ask: Asker) -> None:
    first = get(ask, "productsup", "/connectors", {"limit": "5"}).json()
    rest = get(ask, "productsup", "/connectors", {"limit": "5", "from": "5"}).json()
    names = [row["name"] for row in [*first["data"], *rest["data"]]]
    assert names[0] == "marketplace-orders"
    assert len(names) == 7
    assert "full-rebuild" not in names
    assert rest["metadata"] == {"from": 5, "limit": 5, "count": 2, "total": 7, "next": None}
    assert CONNECTOR_SECRET in str(first)


@pytest.mark.parametrize(("platform", "path"), PATHS)
def test_a_wrong_key_is_unauthorized(ask: Asker, platform: str, path: str) -> None:
    wrong = {"cc-key": "wrong", "Authorization": "Bearer wrong"}
    assert get(ask, platform, path, DAY, **wrong).status_code == 401


@pytest.mark.parametrize(("platform", "path"), PATHS)
def test_trouble_is_about_the_details_alone(ask: Asker, platform: str, path: str) -> None:
    for status in (403, 404, 500):
        getattr(ask.sandbox, platform).trouble = status
        assert get(ask, platform, path, DAY).status_code == status
        assert ask.list_runs(platform).status_code == 200
    getattr(ask.sandbox, platform).trouble = "hang"
    its = {"cc-key": ask.sandbox.api_key, "Authorization": f"Bearer {ask.sandbox.token}"}
    with pytest.raises(httpx.ReadTimeout):
        ask.client.get(
            f"{ask.sandbox.url}/{platform}{path}", params=DAY, headers=its, timeout=httpx.Timeout(20, read=0.2)
        )
