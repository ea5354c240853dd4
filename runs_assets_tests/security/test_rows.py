"""Rows of documented fields alone, which are stored as they came, are looked at all the same where a URL is in them."""

from datetime import UTC, datetime

import orjson
import pytest

from runs_assets.reading.rows import RunPage, run_page
from runs_assets.sources.cloudcruise.row import SHAPE
from runs_assets_tests.security.markers import IN_ROW, found

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)


def row(workflow: str) -> dict[str, object]:
    return {"session_id": "s", "status": "x", "created_at": NOW.isoformat(), "workflow_id": workflow}


def page_of(body: bytes) -> RunPage:
    return run_page(SHAPE.decode(body, list), SHAPE, NOW)


@pytest.mark.parametrize("escape", ["://", ":\\/\\/", "\\u003a//"])
def test_credentials_in_a_documented_field_are_masked(escape: str) -> None:
    body = orjson.dumps([row("see https://user:pw@host")]).replace(b"://", escape.encode())
    [stored] = page_of(body).rows
    assert stored is not None
    assert orjson.loads(stored)["workflow_id"] == "see https://[redacted]@host"


def test_a_row_without_a_url_is_stored_as_it_came() -> None:
    page = page_of(orjson.dumps([row("plain@name")]))
    assert page.rows == [orjson.dumps(row("plain@name")) + b"\n"]


def test_an_id_with_credentials_is_the_same_in_the_index_and_in_the_row() -> None:
    page = page_of(orjson.dumps([{**row("w"), "session_id": f"https://user:{IN_ROW}@host"}]))
    assert page.keys == ["https://[redacted]@host"]
    assert found(page.rows[0] or b"") == []
