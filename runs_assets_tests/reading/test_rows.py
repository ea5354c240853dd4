"""Whatever a row is, it is stored, or set aside with the reason; nothing sensitive goes along."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.normalizing.columns import raw_rows
from runs_assets.normalizing.row_shape import NeverStored, RowShape
from runs_assets.paging.page import NO_TIME
from runs_assets.reading.rows import RunPage, run_page
from runs_assets.sources.cloudcruise.normalize import normalize as cloudcruise
from runs_assets.sources.cloudcruise.row import SHAPE as CC_SHAPE
from runs_assets.sources.productsup.normalize import normalize as productsup
from runs_assets.sources.productsup.row import SHAPE as PS_SHAPE
from runs_assets.sources.source import Normalizer
from runs_assets_tests.seeds import PRODUCTSUP_EXAMPLE

AT = datetime(2026, 3, 18, 12, tzinfo=UTC)
CREATED = "2026-03-17T10:00:00+00:00"


def page_of(documents: list[Any], shape: RowShape = PS_SHAPE) -> RunPage:
    return page_in(orjson.dumps(documents), shape)


def page_in(body: bytes, shape: RowShape) -> RunPage:
    return run_page(shape.decode(body, list), shape, AT)


def decoded(page: RunPage) -> dict[str, Any]:
    return {key: row and orjson.loads(row) for key, row in zip(page.keys, page.rows, strict=True)}


def test_sensitive_and_secret_looking_fields_are_dropped_and_the_others_kept() -> None:
    row = {**PRODUCTSUP_EXAMPLE[0], "registered-secrets": "s", "cli-command": "s", "authentications": "s"}
    row |= {"connector-setup-config": {"a": "s"}, "api-token": "s", "nested": {"secret": "s"}, "region": "eu"}
    stored = decoded(page_of([row]))["019e16f3-bfc3-7993-bd03-ad2089ed3b04"]
    sensitive = {"registered-secrets", "cli-command", "authentications", "connector-setup-config"}
    assert stored == {**{k: v for k, v in PRODUCTSUP_EXAMPLE[0].items() if k not in sensitive}, "region": "eu"}


@pytest.mark.parametrize("url", ["https://me:pw@host", r"https:\/\/me:pw@host"])
def test_a_url_in_a_documented_field_is_stored_without_its_credentials(url: str) -> None:
    stored = decoded(page_of([PRODUCTSUP_EXAMPLE[0] | {"site-name": f'{{"at":"{url}"}}'}]))
    assert [row["site-name"] for row in stored.values()] == [f'{{"at":"{url.replace("me:pw", "[redacted]")}"}}']


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
    page = page_of(documents)
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
    assert page_of([{"id": 17, "created-at": CREATED}]).keys == ["17"]


def test_good_rows_are_taken_by_position() -> None:
    documents: list[object] = [{"id": str(n), "created-at": CREATED} for n in range(5)]
    page = page_of(documents)
    assert page.good_rows([1, 2, 3])[0].to_pylist() == ["1", "2", "3"]
    assert page.good_rows([0, 4])[0].to_pylist() == ["0", "4"]
    assert page.good_rows(range(5))[0].to_pylist() == ["0", "1", "2", "3", "4"]
    assert "keys" not in vars(page)
    documents[2] = "bad"
    ids, lines = page_of(documents).good_rows([1, 2, 3])
    assert ids.to_pylist() == ["1", "3"]
    assert [orjson.loads(line)["id"] for line in lines.splitlines()] == ["1", "3"]


MARKER = "never-to-be-stored"
SENSITIVE = ("cli-command", "registered-secrets", "authentications", "connector-setup-config")
URL = f"see https://user:{MARKER}@host/?token={MARKER}"
JSON_TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["},{", '"},{"', "\n", "\u2028", "\\", "://", URL]))
NUMBERS = st.one_of(st.integers(-5, 5), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.one_of(st.none(), JSON_TEXT, JSON_TEXT, JSON_TEXT, st.booleans(), NUMBERS, st.just({"a": 1}), st.just([]))
TIMES = st.sampled_from(["2026-03-17T10:00:00Z", "2026-03-17T10:00:00.123456+01:00", "2026-03-17T10:00:00.123Z"])
SECRETS = st.sampled_from([MARKER, URL, {"a": [MARKER]}, [MARKER], {MARKER: 1}, None])


def rows_of(shape: RowShape) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of documented fields, there or not, a sensitive one among them; half of them with something that is odd."""
    kinds = {pa.string(): JSON_TEXT, pa.int64(): st.integers(-(2**70), 2**70), pa.bool_(): st.booleans()}
    required = {shape.id_field: st.uuids().map(str), shape.created_field: TIMES}
    optional = {field.name: kinds[field.type] | st.none() for field in shape.columns if field.name not in required}
    sensitive = {name: SECRETS for name in SENSITIVE if shape is PS_SHAPE}
    documented = st.fixed_dictionaries(required, optional={**optional, **sensitive})
    odd = st.dictionaries(st.sampled_from([*required, *optional, "new_field"]), VALUES, max_size=2)
    return st.builds(
        lambda row, other: {**row, **other}, documented, st.just({}) | odd | st.just({"api_token": MARKER})
    )


class NoSuchRow(msgspec.Struct):
    never: int


def tolerant(shape: RowShape) -> RowShape:
    """The shape with a documented row that no row is, so that all are looked at value by value."""
    other = replace(shape, row=NoSuchRow)
    vars(other).update(columns=shape.columns, _attributes=shape._attributes)
    return other


def normalized(page: RunPage, shape: RowShape, normalize: Normalizer) -> list[dict[str, Any]]:
    lines = [b'{"observed_at":"2026-03-18T12:00:00Z","run":%b}\n' % row.strip() for row in page.rows if row]
    found: list[dict[str, Any]] = normalize(raw_rows(b"".join(lines), shape)).to_pylist()
    return found


@pytest.mark.parametrize(("shape", "normalize"), [(CC_SHAPE, cloudcruise), (PS_SHAPE, productsup)])
@settings(max_examples=300)
@given(st.data())
def test_a_row_is_stored_and_read_the_same_whether_it_is_as_documented_or_not(
    shape: RowShape, normalize: Normalizer, data: st.DataObject
) -> None:
    body = msgspec.json.encode(data.draw(st.lists(rows_of(shape), max_size=4)))
    typed, untyped = page_in(body, shape), page_in(body, tolerant(shape))
    assert [row and orjson.loads(row) for row in typed.rows] == [row and orjson.loads(row) for row in untyped.rows]
    assert typed.created_us.tolist() == untyped.created_us.tolist()
    assert typed.bad == untyped.bad
    assert [key for key, row in zip(typed.keys, typed.rows, strict=True) if row] == [
        key for key, row in zip(untyped.keys, untyped.rows, strict=True) if row
    ]
    assert normalized(typed, shape, normalize) == normalized(untyped, tolerant(shape), normalize)
    stored = typed.lines + msgspec.json.encode([list(typed.bad.values()), typed.keys])
    assert MARKER.encode() not in stored
    assert not any(b'"%b"' % name.encode() in stored for name in (*SENSITIVE, "api_token"))


def test_one_odd_row_takes_no_other_off_the_documented_path() -> None:
    good = {"session_id": "a", "created_at": CREATED, "status": None, "dry_run": True}
    for other in ({"extra": 1}, {"status": 5}, {"session_id": 7}, {"created_at": None}, {"dry_run": "no"}):
        decoded = CC_SHAPE.decode(orjson.dumps([good, {**good, **other}, good]), list)
        rows, odd = CC_SHAPE.rows(decoded)
        assert [type(row) for row in rows] == [CC_SHAPE.row, dict, CC_SHAPE.row]
        assert odd == [1]


class RowWithNotes(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    born: str
    notes: NeverStored = msgspec.UNSET


@pytest.mark.parametrize("other", [{}, {"extra": 1}])
def test_what_the_class_says_is_never_stored_whatever_its_name_is(other: dict[str, Any]) -> None:
    [row] = page_of([{"id": "a", "born": CREATED, "notes": "s", **other}], RowShape(RowWithNotes, "id", "born")).rows
    assert orjson.loads(row or b"") == {"id": "a", "born": CREATED, **other}


def test_what_is_no_array_of_json_is_an_error() -> None:
    for body in (b"{}", b'"text"'):
        with pytest.raises(msgspec.ValidationError):
            page_in(body, CC_SHAPE)
    good = orjson.dumps([{"session_id": "a", "created_at": CREATED, "extra": 1}])
    for body in (good[:-1], good.replace(b"extra", b"\xff"), good.replace(b"1}", b"1e999}"), b"<html>", b""):
        with pytest.raises(ValueError):  # noqa: PT011  (whatever msgspec says)
            page_in(body, CC_SHAPE)


def test_a_deeply_nested_row_is_set_aside() -> None:
    good = orjson.dumps({"id": "a", "created-at": CREATED})
    page = page_in(b"[%b,%b]" % (b"[" * 600 + b"]" * 600, good), PS_SHAPE)
    assert page.bad[0]["reason"] == "not an object"
    assert [row is not None for row in page.rows] == [False, True]


def test_a_nested_value_is_dropped_from_a_documented_field_too() -> None:
    page = page_of([{"id": "a", "created-at": CREATED, "site-name": {"password": "s"}}])
    assert decoded(page) == {"a": {"id": "a", "created-at": CREATED}}
