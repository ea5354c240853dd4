"""What the HTTP libraries log about requests, at any level, without secrets.

At DEBUG, httpcore logs every header of an answer, and what was wrong with a request that could not be sent.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from runs_assets.plain_text.redaction import Redactor
from runs_assets.plain_text.wording import plain

LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_HEADERS = re.compile(r"(receive_response_headers\.complete return_value=\(b'[^']*', \d+).*", re.DOTALL)


class RedactingFilter(logging.Filter):
    """Lets every record pass, as one line, without the known secrets and without the headers of answers."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        text = _HEADERS.sub(r"\1, ...)", record.getMessage())
        record.msg, record.args = plain(self._redact(text)), ()
        record.exc_info = record.exc_text = None
        return True


@contextmanager
def redacted_logs(redact: Redactor) -> Iterator[None]:
    """Filter the loggers of the HTTP libraries while the block runs."""
    wire_filter = RedactingFilter(redact)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(wire_filter)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(wire_filter)
