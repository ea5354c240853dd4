"""How the tests of this folder write rows down and ask the server for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from runs_assets.sandbox import Sandbox

NOW = datetime(2026, 3, 18, 12, 0, 0, tzinfo=UTC)
WORKFLOW = "11111111-1111-4111-8111-111111111111"
OTHER_WORKFLOW = "22222222-2222-4222-8222-222222222222"


@dataclass
class Asker:
    """Asks with the right credentials, unless told another token."""

    sandbox: Sandbox
    client: httpx.Client

    def cloudcruise(self, **query: str | int) -> httpx.Response:
        headers = {"cc-key": self.sandbox.api_key}
        return self.client.get(f"{self.sandbox.cloudcruise_url}/runs", params=query, headers=headers)

    def productsup(self, query: dict[str, str | int] | None = None, *, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.sandbox.token if token is None else token}"}
        return self.client.get(f"{self.sandbox.productsup_url}/runs", params=query, headers=headers)

    def sessions(self, **query: str | int) -> list[str]:
        answer = self.cloudcruise(**query)
        assert answer.status_code == 200, answer.text
        return [row["session_id"] for row in answer.json()]

    def run_ids(self, query: dict[str, str | int] | None = None) -> list[str]:
        answer = self.productsup(query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["data"]]


def session(name: str, created_at: str, **fields: object) -> dict[str, object]:
    """Return a CloudCruise row."""
    return {
        "session_id": name,
        "status": "execution.success",
        "created_at": created_at,
        "workflow_id": WORKFLOW,
        "workspace_id": "33333333-3333-4333-8333-333333333333",
        "execution_start": created_at,
        "execution_end": created_at,
        "dry_run": False,
    } | fields


def run(name: str, created_at: str, fields: dict[str, object] | None = None) -> dict[str, object]:
    """Return the part of a Productsup row that can be filtered on."""
    return {
        "id": name,
        "connector-id": "connector-1",
        "connector-version": "1.0.0",
        "state": "finished",
        "process-id": f"process-of-{name}",
        "site-id": 1001,
        "created-at": created_at,
    } | (fields or {})


def runs_a_minute_apart(count: int) -> Iterable[dict[str, object]]:
    """Return runs `0`, `1`, ... of which the first is the newest."""
    return [run(str(place), f"2026-03-18T11:{59 - place:02}:00+00:00") for place in range(count)]
