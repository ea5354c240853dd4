"""Whatever a row is, it is stored, or set aside with the reason; nothing sensitive goes along."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.paging.page import NO_TIME
from runs_assets.reading.rows import RunPage, array_page, run_page
from runs_assets.sources.cloudcruise.client import SHAPE as CC_SHAPE
from runs_assets.sources.productsup.client import SHAPE
from runs_assets_tests.seeds import PRODUCTSUP_EXAMPLE

AT = datetime(2026, 3, 18, 12, tzinfo=UTC)
CREATED = "2026-03-17T10:00:00+00:00"


def decoded(page: RunPage) -> dict[str, Any]:
    return {key: row and orjson.loads(row) for key, row in zip(page.keys, page.rows, strict=True)}


def test_sensitive_and_secret_looking_fields_are_dropped_and_the_others_kept() -> None:
    row = {**PRODUCTSUP_EXAMPLE[0], "registered-secrets": "s", "cli-command": "s", "authentications": "s"}
    row |= {"connector-setup-config": {"a": "s"}, "api-token": "s", "nested": {"secret": "s"}, "region": "eu"}
    stored = decoded(run_page([row], SHAPE, AT))["019e16f3-bfc3-7993-bd03-ad2089ed3b04"]
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
    assert [orjson.loads(row)["id"] for row in rows] == ["1", "3"]


JSON_TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["},{", '"},{"', "\n", "\u2028", "{", "]"]))
VALUES = st.one_of(
    st.none(), JSON_TEXT, JSON_TEXT, JSON_TEXT, st.booleans(), st.integers(-5, 5), st.just({"a": 1}), st.just([])
)
TIMES = st.sampled_from(["2026-03-17T10:00:00Z", "2026-03-17T10:00:00.123456+01:00", "2026-03-17T10:00:00.123Z"])


def likely(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, VALUES)


ROWS = st.fixed_dictionaries(
    {"session_id": likely(st.uuids().map(str)), "created_at": likely(TIMES)},
    optional={"status": VALUES, "workflow_id": VALUES, "dry_run": likely(st.booleans()), "new_field": VALUES},
)


@settings(max_examples=400)
@given(st.lists(ROWS, max_size=4))
def test_the_fast_way_through_a_page_gives_what_the_slow_one_gives_or_nothing(documents: list[dict[str, Any]]) -> None:
    fast = array_page(orjson.dumps(documents), CC_SHAPE, AT)
    if fast is not None:
        slow = run_page(documents, CC_SHAPE, AT)
        assert fast.keys == slow.keys
        assert fast.created_us.tolist() == slow.created_us.tolist()
        assert [orjson.loads(row or b"") for row in fast.rows] == [orjson.loads(row or b"") for row in slow.rows]
        assert not slow.bad


def test_the_documented_page_goes_the_fast_way_and_others_do_not() -> None:
    good = {"session_id": "a", "created_at": CREATED, "status": None, "dry_run": True}
    assert array_page(orjson.dumps([good, good]), CC_SHAPE, AT) is not None
    for other in (
        {"extra": 1},
        {"status": 5},
        {"session_id": ""},
        {"session_id": None},
        {"created_at": "soon"},
        {"status": "},{"},
    ):
        assert array_page(orjson.dumps([good, {**good, **other}, good]), CC_SHAPE, AT) is None
    assert array_page(orjson.dumps([good], option=orjson.OPT_INDENT_2), CC_SHAPE, AT) is None
    assert array_page(orjson.dumps([good])[:-1], CC_SHAPE, AT) is None
    assert array_page(b"[]", CC_SHAPE, AT) is None
    assert array_page(b'[{"session_id":"a",\r"created_at":"2026-03-17T10:00:00Z"}]', CC_SHAPE, AT) is None
    assert array_page(b'[{"session_id":"a\xff","created_at":"2026-03-17T10:00:00Z"}]', CC_SHAPE, AT) is None


def test_a_row_nested_too_deeply_to_be_written_again_is_set_aside() -> None:
    deep: Any = orjson.loads(b"[" * 600 + b"]" * 600)
    page = run_page([deep, {"id": "a", "created-at": CREATED}], SHAPE, AT)
    assert page.bad[0]["reason"] == "not an object"
    assert [row is not None for row in page.rows] == [False, True]


def test_a_nested_value_is_dropped_from_a_documented_field_too() -> None:
    page = run_page([{"id": "a", "created-at": CREATED, "site-name": {"password": "s"}}], SHAPE, AT)
    assert decoded(page) == {"a": {"id": "a", "created-at": CREATED}}
