"""Keeping secrets out of everything that is stored, logged or shown.

Two kinds: ours (keys and tokens, known by value) and those inside the API's own rows (known by their field's name).
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

MASK = "[redacted]"
SECRET_WORDS = re.compile(r"secret|token|auth|pass|credential|key|config|command", re.IGNORECASE)
SCALARS = frozenset({str, int, float, bool, type(None)})
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


class Redactor:
    """Replaces known secret values, and credentials inside URLs, in text that people will see."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = {secret for secret in secrets if secret}

    def learn(self, *secrets: str) -> None:
        """Know further secrets, such as a token that was just issued."""
        self._secrets.update(secret for secret in secrets if secret)

    def __call__(self, text: str) -> str:
        """`text` without any secret known to this redactor."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return _URL_CREDENTIALS.sub(f"{MASK}@", text)


def without_secrets(row: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """A row's fields that may be stored: `known` ones and unknown ones that are not named like a secret, scalars only.

    A row is an API's own JSON object; `known` must not hold its sensitive fields.
    """
    kept = dict(row)
    for name in _sensitive_names(tuple(row), known):
        del kept[name]
    if SCALARS.issuperset(map(type, kept.values())):
        return kept
    return {name: value for name, value in kept.items() if type(value) in SCALARS}


@lru_cache(maxsize=256)
def _sensitive_names(names: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    # Rows of one API nearly all have the same names in the same order.
    return tuple(name for name in names if name not in known and SECRET_WORDS.search(name))
