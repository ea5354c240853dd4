"""The ways in which a secret is written on its way through headers, URLs, JSON and logs."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

LEAST = 8
"""Characters of base64 that can be told from chance."""


def forms_of(secret: str) -> frozenset[str]:
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
            if len(core) >= LEAST:
                yield core
