"""How the tests of this folder write rows down and ask the server for them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from runs_assets.sandbox import FixedHistory, Sandbox

NOW = datetime(2026, 3, 18, 12, 0, 0, tzinfo=UTC)
WORKFLOW = "11111111-1111-4111-8111-111111111111"
OTHER_WORKFLOW = "22222222-2222-4222-8222-222222222222"
PLATFORMS = ("cloudcruise", "productsup")
Query = dict[str, str | int]


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

    def list_runs(self, platform: str, query: Query | None = None, *, timeout: float = 20) -> httpx.Response:
        """Ask either platform for its runs."""
        url = {"cloudcruise": self.sandbox.cloudcruise_url, "productsup": self.sandbox.productsup_url}[platform]
        headers = {"cc-key": self.sandbox.api_key, "Authorization": f"Bearer {self.sandbox.token}"}
        return self.client.get(f"{url}/runs", params=query, headers=headers, timeout=httpx.Timeout(20, read=timeout))

    def rows(self, platform: str, query: Query | None = None) -> list[dict[str, Any]]:
        """Return the rows of an answer of either platform."""
        answer = self.list_runs(platform, query)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        rows: list[dict[str, Any]] = document if isinstance(document, list) else document["data"]
        return rows

    def read_plainly(self, platform: str, limit: int) -> list[str]:
        """Return the ids that the vendors' own recipes find: the next page from the last row, until a short page."""
        ids: list[str] = []
        place: Query = {"start_time": "2026-03-01T00:00:00Z"} if platform == "cloudcruise" else {"from": 0}
        while len(ids) < 1000:
            rows = self.rows(platform, {**place, "limit": limit})
            ids += map(id_of, rows)
            if len(rows) < limit:
                break
            place |= {"cursor": rows[-1]["created_at"]} if platform == "cloudcruise" else {"from": len(ids)}
        return ids

    def show(self, platform: str, count: int, *, seconds: int = 60) -> list[str]:
        """Let a platform have `count` runs that many seconds apart; return their ids, newest first."""
        times = [(NOW - timedelta(seconds=seconds * place + 60)).isoformat() for place in range(count)]
        history = FixedHistory.of([ROW_OF[platform](f"run-{place}", time) for place, time in enumerate(times)])
        getattr(self.sandbox, platform).history = history
        return [f"run-{place}" for place in range(count)]


def id_of(row: Mapping[str, Any]) -> str:
    return str(row["session_id"] if "session_id" in row else row["id"])


def created_of(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["created_at"] if "created_at" in row else row["created-at"])


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


ROW_OF: dict[str, Callable[[str, str], dict[str, object]]] = {"cloudcruise": session, "productsup": run}
