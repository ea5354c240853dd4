"""Whatever a row is, it is stored, or set aside with the reason; nothing sensitive goes along."""

from datetime import UTC, datetime

import numpy as np

from runs_assets.paging.page import NO_TIME
from runs_assets.sources.productsup.client import SHAPE
from runs_assets.sources.rows import run_page
from runs_assets_tests.seeds import PRODUCTSUP_EXAMPLE

AT = datetime(2026, 3, 18, 12, tzinfo=UTC)
CREATED = "2026-03-17T10:00:00+00:00"


def test_sensitive_and_secret_looking_fields_are_dropped_and_the_others_kept() -> None:
    row = {**PRODUCTSUP_EXAMPLE[0], "registered-secrets": "s", "cli-command": "s", "authentications": "s"}
    row |= {"connector-setup-config": {"a": "s"}, "api-token": "s", "nested": {"secret": "s"}, "region": "eu"}
    [stored] = run_page([row], SHAPE, AT).rows
    sensitive = {"registered-secrets", "cli-command", "authentications", "connector-setup-config"}
    assert stored == {**{k: v for k, v in PRODUCTSUP_EXAMPLE[0].items() if k not in sensitive}, "region": "eu"}


def test_bad_rows_are_described_without_their_content_and_stop_nothing() -> None:
    documents = [
        {"id": "a", "created-at": CREATED},
        {"created-at": CREATED, "token": "s"},
        {"id": "b", "created-at": None, "cli-command": "s"},
        {"id": "", "created-at": CREATED},
        "secret text",
        17,
        None,
    ]
    page = run_page(documents, SHAPE, AT)
    assert [row is not None for row in page.rows] == [True, False, False, False, False, False, False]
    assert [page.bad[index]["reason"] for index in range(1, 7)] == [
        "no usable id",
        "no usable created-at",
        "no usable id",
        "not an object",
        "not an object",
        "not an object",
    ]
    assert page.bad[1]["run"] == {"created-at": CREATED}
    assert page.bad[2]["run"] == {"id": "b", "created-at": None}
    assert page.bad[4] | {"sha256": ""} == {
        "observed_at": "2026-03-18T12:00:00Z",
        "reason": "not an object",
        "type": "str",
        "bytes": 13,
        "sha256": "",
    }
    assert np.flatnonzero(page.created_us == NO_TIME).tolist() == [2, 4, 5, 6]
    assert len(set(page.keys)) == 7


def test_a_number_as_id_is_its_spelling() -> None:
    assert run_page([{"id": 17, "created-at": CREATED}], SHAPE, AT).keys == ["17"]


def test_good_rows_are_taken_by_position() -> None:
    documents: list[object] = [{"id": str(n), "created-at": CREATED} for n in range(5)]
    page = run_page(documents, SHAPE, AT)
    assert page.good_rows(np.array([1, 2, 3]))[0] == ["1", "2", "3"]
    assert page.good_rows(np.array([0, 4]))[0] == ["0", "4"]
    documents[2] = "bad"
    keys, rows = run_page(documents, SHAPE, AT).good_rows(np.array([1, 2, 3]))
    assert keys == ["1", "3"]
    assert [row["id"] for row in rows] == ["1", "3"]
