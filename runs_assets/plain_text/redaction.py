"""Keeping secrets out of everything that is stored, logged or shown.

Two kinds: ours (keys and tokens, known by value) and those inside the API's own rows (known by their field's name, or
by standing where a URL carries credentials).
"""

import json
import logging
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from runs_assets.plain_text.wording import plain

MASK = "[redacted]"
SECRET_WORDS = re.compile(
    r"secret|token|auth|pass|credential|key|config|command|cmd|pwd|bearer|cookie|jwt|signature|private", re.IGNORECASE
)
SCALARS = frozenset({str, int, float, bool, type(None)})
STRETCH = 12
"""Characters: this much of a longer secret, from whichever part of it, is masked too."""
WORD = 8
"""Characters: a secret that is shorter is masked only as a whole word, or hardly any text would be left."""
BASE64 = 8
"""Characters of base64 that can be told from chance."""
LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
"""Of the HTTP libraries. At DEBUG, httpcore logs every header of an answer, and why a request could not be sent."""

# A password may hold an unescaped slash; a colon before digits and a slash is a port.
# PHP escapes the slashes in JSON, which may stand inside a string.
_USER_INFO = re.compile(r"(?:(?<=://)|(?<=:\\/\\/))(?:[^/?#\s:]*:(?!\d+\\?/)\S*|[^/?#\s]*)@")
_QUERY = re.compile(rf"([?&#][^=&#\s]*(?:{SECRET_WORDS.pattern}|sig)[^=&#\s]*=)[^&#\s\"']+", re.IGNORECASE)
_HEADERS = re.compile(r"(receive_response_headers\.complete return_value=\(b'[^']*', \d+).*", re.DOTALL)


class Redactor:
    """Replaces known secret values, and credentials inside URLs, in text that people will see.

    A value is known as it is and as it looks in a URL, in JSON and in base64, also when a piece of it was cut off.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._stretches: set[str] = set()
        self._whole: set[str] = set()
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Know further secrets, such as a token that was just issued."""
        for form in (form for secret in secrets if secret for form in _forms_of(secret)):
            if len(form) < STRETCH:
                self._whole.add(form)
            else:
                self._stretches.update(_stretches_of(form))

    def __call__(self, text: str) -> str:
        """`text` without any secret known to this redactor."""
        for secret in sorted(self._whole, key=len, reverse=True):
            text = _as_found(secret).sub(MASK, text)
        return without_url_credentials(self._without_stretches(text))

    def _without_stretches(self, text: str) -> str:
        kept = []
        end = 0
        for begin, stop in self._hits(text):
            if begin > end or not end:
                kept += [text[end:begin], MASK]
            end = stop
        return "".join([*kept, text[end:]])

    def _hits(self, text: str) -> Iterator[tuple[int, int]]:
        """Where a known stretch begins and ends, in order; they may overlap."""
        if self._stretches:
            for begin, stretch in enumerate(_stretches_of(text)):
                if stretch in self._stretches:
                    yield begin, begin + STRETCH


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


def without_url_credentials(text: str) -> str:
    """`text` with user names, passwords and secret-named query parameters masked in every URL in it."""
    return _QUERY.sub(rf"\1{MASK}", _USER_INFO.sub(f"{MASK}@", text)) if _has_url(text) else text


def without_secrets(row: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """A row's fields that may be stored: scalars that are `known`, or are not named like a secret, nor by a URL.

    A row is an API's own JSON object; `known` must not hold its sensitive fields. Credentials in URLs are masked.
    """
    kept = dict(row)
    for name in _sensitive_names(tuple(row), known):
        del kept[name]
    return {name: _storable(value) for name, value in kept.items() if type(value) in SCALARS}


def _has_url(text: str) -> bool:
    return "://" in text or r":\/\/" in text


def _storable(value: Any) -> Any:
    return without_url_credentials(value) if type(value) is str else value


def _stretches_of(text: str) -> Iterator[str]:
    return (text[begin : begin + STRETCH] for begin in range(len(text) - STRETCH + 1))


@lru_cache(maxsize=256)
def _as_found(secret: str) -> re.Pattern[str]:
    pattern = re.escape(secret)
    return re.compile(pattern if len(secret) >= WORD else rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])")


@lru_cache(maxsize=256)
def _sensitive_names(names: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    # Rows of one API nearly all have the same names in the same order.
    return tuple(name for name in names if name not in known and (SECRET_WORDS.search(name) or _has_url(name)))


def _forms_of(secret: str) -> frozenset[str]:
    """A secret as it is, escaped for URLs, for JSON and for Python's `repr`, and its part of any base64 over it."""
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    escaped = json.dumps(secret)[1:-1]
    return frozenset(
        {
            secret,
            *quoted,
            *(_lower_hex(form) for form in quoted),
            escaped,
            escaped.replace("/", r"\/"),
            repr(secret)[1:-1],
            *_base64_forms(secret.encode()),
        }
    )


def _lower_hex(quoted: str) -> str:
    head, *rest = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _base64_forms(secret: bytes) -> Iterator[str]:
    """The characters that do not depend on what was encoded before and after, at each of the three alignments."""
    for before in range(3):
        bits = 8 * before, 8 * (before + len(secret))
        for encode in (b64encode, urlsafe_b64encode):
            core = encode(b"\0" * before + secret).decode()[-(-bits[0] // 6) : bits[1] // 6]
            if len(core) >= BASE64:
                yield core
