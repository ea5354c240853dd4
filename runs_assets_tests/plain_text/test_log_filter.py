"""What the HTTP libraries log at DEBUG has no secret in it, nor a server's headers, nor more than one line."""

import logging

import pytest

from runs_assets.plain_text.redaction import LOGGERS, Redactor, redacted_logs

SECRET = "a-secret-of-some-length"


@pytest.mark.parametrize("name", LOGGERS)
def test_known_secrets_and_control_characters_are_replaced(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), redacted_logs(Redactor([SECRET])):
        logging.getLogger(name).debug("failed %s\x1b[2J\nforged", SECRET)
    assert caplog.messages == ["failed [redacted] [2J forged"]


def test_the_headers_of_answers_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    said = "receive_response_headers.complete return_value=(b'HTTP/1.1', 200, b'OK', [(b'Set-Cookie', b'sid=1')])"
    with caplog.at_level(logging.DEBUG), redacted_logs(Redactor()):
        logging.getLogger("httpcore.http11").debug(said)
    assert caplog.messages == ["receive_response_headers.complete return_value=(b'HTTP/1.1', 200, ...)"]


def test_it_ends_with_its_block(caplog: pytest.LogCaptureFixture) -> None:
    with redacted_logs(Redactor([SECRET])):
        pass
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx").debug(SECRET)
    assert caplog.messages == [SECRET]
