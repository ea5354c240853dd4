"""Whose matter a failure is, case by case."""

import pytest

from runs_assets.reasons.reason import Attribution, ErrorGroup, Reason
from runs_assets.sources.cloudcruise.reasons import reason_of_error
from runs_assets.sources.productsup.reasons import reason_of_exit_code


@pytest.mark.parametrize(
    ("exit_code", "category", "side_of_own", "side_of_others"),
    [
        (192, "engineering", "platform", "platform"),
        (224, "support", "platform", "platform"),
        (240, "client", "customer", "customer"),
        (10, "feedback file", "customer", "customer"),
        (1, "other", "ours", "unknown"),
        (137, "other", "ours", "unknown"),
        (-9, "other", "ours", "unknown"),
    ],
)
def test_exit_codes_are_labelled_by_the_convention(
    exit_code: int, category: str, side_of_own: str, side_of_others: str
) -> None:
    reason = f"exit code {exit_code}"
    assert reason_of_exit_code(exit_code, True) == Reason(reason, category, Attribution(side_of_own))
    assert reason_of_exit_code(exit_code, False) == Reason(reason, category, Attribution(side_of_others))


@pytest.mark.parametrize("exit_code", [None, 0])
def test_a_failure_without_a_code_is_said_to_have_none(exit_code: int | None) -> None:
    assert reason_of_exit_code(exit_code, True) == Reason("no exit code", "unknown", Attribution.UNKNOWN)


@pytest.mark.parametrize(
    ("code", "category", "sub_type", "side"),
    [
        ("CLAIM_NOT_FOUND", "User Error", "INCORRECT_FORM_INPUTS", "customer"),
        ("X1", "USER_ERROR", None, "customer"),
        ("X1", "Workflow Error", "XPATH_INCORRECT", "ours"),
        ("X1", "External Error", "SERVICE_UNAVAILABLE", "customer"),
        ("X1", "AUTHENTICATION_ERROR", "INVALID_CREDENTIALS", "customer"),
        ("ELEMENT_NOT_FOUND", "RECOVERABLE_ERROR", None, "ours"),
        ("NETWORK_TIMEOUT", "RECOVERABLE_ERROR", None, "customer"),
        ("X1", None, "ACTION_BLOCKED_BY_PLATFORM", "customer"),
        ("INTERNAL_ERROR", None, None, "platform"),
        ("PLATFORM_FAILURE", None, None, "platform"),
        ("INTERNAL_TIMEOUT", None, None, "unknown"),  # speaks of two sides
        ("ERR-0001", None, None, "unknown"),
        ("BUILD_FAILED", "quietly", None, "unknown"),  # "ui" inside a word is no word
    ],
)
def test_errors_are_labelled_where_their_words_are_clear(
    code: str, category: str | None, sub_type: str | None, side: str
) -> None:
    found = reason_of_error(ErrorGroup(code, category, sub_type, 1))
    assert found == Reason(code, category or "unknown", Attribution(side))


def test_without_a_code_the_reason_is_the_next_best_word() -> None:
    assert reason_of_error(ErrorGroup(None, "User Error", "PAGE_NOT_FOUND", 1)).reason == "PAGE_NOT_FOUND"
    assert reason_of_error(ErrorGroup(None, "User Error", None, 1)).reason == "User Error"
