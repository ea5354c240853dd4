"""Foreign text becomes one short line, without secrets, that no terminal obeys."""

from datetime import timedelta

from runs_assets.plain_text.redaction import Redactor
from runs_assets.plain_text.wording import shortened, span

SECRET = "a-secret-of-some-length"


def test_text_becomes_one_line_without_control_characters() -> None:
    assert shortened("a\x1b[2J\n forged\t\u202e", 20) == "a [2J forged"


def test_what_is_too_long_is_cut_at_exactly_the_longest() -> None:
    assert shortened("x" * 20, 20) == "x" * 20
    assert shortened("x" * 21, 20) == "x" * 17 + "..."
    assert shortened("x" * 21, 20, ellipsis="") == "x" * 20
    assert len(shortened("x" * 10**6, 100)) == 100


def test_a_secret_is_masked_before_the_text_is_cut() -> None:
    assert shortened(f"{'x' * 10} {SECRET}", 25, Redactor([SECRET])) == f"{'x' * 10} [redacted]"
    assert shortened(f"{SECRET[:12]}\n{SECRET[12:]}", 80, Redactor([SECRET])) == f"[redacted] {SECRET[12:]}"


def test_a_length_of_time_has_its_two_largest_units_and_is_never_negative() -> None:
    assert span(timedelta(days=3, hours=4, minutes=59)) == "3 d 4 h"
    assert span(timedelta(hours=2, minutes=5)) == "2 h 5 min"
    assert span(timedelta(seconds=59)) == "0 min"
    assert span(timedelta(seconds=-1)) == "0 min"
