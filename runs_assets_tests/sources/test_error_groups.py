"""Reading CloudCruise's errors in the documented shape alone, and what is never kept of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from runs_assets.plain_text.redaction import Redactor
from runs_assets.plain_text.wording import plain
from runs_assets.reasons.reason import ErrorGroup
from runs_assets.sources.cloudcruise.reasons import error_groups_of

PRIVATE = "Jane Doe, born 1970"
REDACT = Redactor(["our-secret-key"])


def groups_of(document: Any) -> Sequence[ErrorGroup]:
    return error_groups_of(document, lambda text: plain(REDACT(text))[:80])


def at(hour: int) -> datetime:
    return datetime(2026, 3, 17, hour, tzinfo=UTC)


def error(session: str | None, hour: int, **words: object) -> dict[str, object]:
    return {
        "session_id": session,
        "created_at": f"2026-03-17T{hour:02}:00:00.123000+00:00".replace(".123000", ""),
        "message": PRIVATE,
        "error_details": PRIVATE,
        "input_variables": {"name": PRIVATE},
        **words,
    }


def one(entry: dict[str, object]) -> dict[str, object]:
    """An answer with one error, in a group whose code is none."""
    return {"error_groups": {PRIVATE: {"count": 1, "errors": [entry]}}}


def test_the_documented_shape_is_read_with_each_run_in_the_group_of_its_last_error() -> None:
    timeouts = [error("a", 9), error("a", 10), error("b", 11)]
    missing = [error("b", 12, error_category="RECOVERABLE_ERROR"), error("c", 8, error_category="RECOVERABLE_ERROR")]
    document = {
        "workflow_id": "w",
        "total_errors": 5,
        "error_groups": {
            "NETWORK_TIMEOUT": {"count": 3, "errors": timeouts},
            "ELEMENT_NOT_FOUND": {"count": 2, "errors": missing},
        },
    }
    assert groups_of(document) == [
        ErrorGroup("NETWORK_TIMEOUT", None, None, 1, at(10), at(10), ("a",)),
        ErrorGroup("ELEMENT_NOT_FOUND", "RECOVERABLE_ERROR", None, 2, at(8), at(12), ("b", "c")),
    ]


def test_what_the_count_has_beyond_the_listed_errors_is_in_runs_without_names() -> None:
    document = {"error_groups": {"E1": {"count": 1200, "errors": [error("a", 9), error("b", 10)]}}}
    assert groups_of(document) == [ErrorGroup("E1", None, None, 1200, at(9), at(10), ("a", "b"))]


def test_groups_may_come_as_a_list_with_their_codes_inside() -> None:
    group = {
        "error_code": "E1",
        "llm_error_category": "USER_ERROR",
        "llm_error_sub_type": "AUTHENTICATION_ERROR",
        "count": 4,
        "errors": [error("a", 7), error(None, 9)],
        "message": PRIVATE,
    }
    expected = [ErrorGroup("E1", "USER_ERROR", "AUTHENTICATION_ERROR", 4, at(7), at(9), ("a",))]
    assert groups_of({"error_groups": [None, group, "text", {"count": 3}]}) == expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        "text",
        [],
        {},
        [None, 7, "text", []],
        [{}, {"foo": 1}],
        [{"error_code": "E1", "count": 4, "errors": []}],
        {"errors": [{"error_code": "E1", "count": 4, "errors": []}]},
        {"data": {"error_groups": {"E1": {"count": 4, "errors": []}}}},
        {"error_groups": {"E1": 3, "E2": ["a", "b"], "E3": {"runs": 4, "sessions": ["c"]}}},
        {"error_groups": 7},
        {"error_groups": None},
        {"error_groups": {"E1": None, "E2": "text", "E3": {}, "E4": {"count": -1}, "E5": {"count": "many"}}},
        {"data": {"message": PRIVATE}},
        {"message": PRIVATE},
        {"error_groups": {"E1": {"count": 0, "errors": []}}},
        {"error_groups": {PRIVATE * 3: {"count": 3}}},
        [{"session_id": "a", "message": PRIVATE}],
        {"errors": {"errors": {"errors": {}}}},
    ],
)
def test_what_is_not_understood_tells_nothing_and_is_no_error(document: Any) -> None:
    assert groups_of(document) == []


def test_no_sentence_gets_in_where_a_code_is_expected_and_no_credential() -> None:
    words = [
        PRIVATE,
        "could not log in as jane@example.com",
        "one two three four five",
        "our-secret-key",
        "https://u:p@h/x",
    ]
    for word in words:
        [group] = groups_of(one(error("a", 9, error_code=word, llm_error_category=word, llm_error_sub_type="KIND")))
        assert (group.code, group.category, group.sub_type) == (None, None, "KIND")
    [group] = groups_of(one(error("a", 9, error_code="  CLAIM\n\x1b[2JNOT_FOUND ", llm_error_category="User Error")))
    assert (group.code, group.category) == (None, "User Error")
    [group] = groups_of(one(error("a", 9, error_code="ERR-0001\n")))
    assert group.code == "ERR-0001"
    assert PRIVATE not in repr(groups_of({"error_groups": {"E1": {"count": 9, "errors": [error("a", 9)]}}}))


def test_ids_and_times_that_are_none_are_left_out() -> None:
    bad = [error(f"a b {PRIVATE}", 9), error("c" * 101, 9), {"session_id": 5}, {"session_id": "d", "created_at": "1"}]
    [group] = groups_of({"error_groups": {"E1": {"count": 4, "errors": bad}}})
    assert group == ErrorGroup("E1", None, None, 4, at(9), at(9), ("d",))
    for time in ("0001-01-01T00:00:00Z", "2026-03-17T09:00:00", "9999-12-31T23:59:59-23:00", 5, None, "x"):
        [group] = groups_of({"error_groups": {"E1": {"count": 1, "errors": [{"session_id": "a", "created_at": time}]}}})
        assert group.last_seen_at is None
