"""Recognisable secrets, and where in some bytes any of them is, in whatever spelling."""

from base64 import b64encode

STEM = "PLANTEDzq7"
"""Every secret contains it, so that a part of one is found too."""


def secret(name: str) -> str:
    """A secret with characters that URLs, JSON and base64 spell in their own ways."""
    return f"s3+/{STEM}-{name}-8f41c2e09b57=&d"


CLOUDCRUISE_KEY = secret("cloudcruise-key")
PRODUCTSUP_TOKEN = secret("productsup-token")
CLIENT_SECRET = secret("client-secret")
REFRESH_TOKEN = secret("refresh-token")
ISSUED_ACCESS_TOKEN = secret("issued-access-token")
ISSUED_REFRESH_TOKEN = secret("issued-refresh-token")
IN_ROW = secret("in-row")

ALLOWED = "ALLOWEDzq7-site-name"
"""In a field that may be stored: what the search must find."""


def found(content: bytes, text: str = STEM) -> list[str]:
    """The spellings of `text` that occur in `content`: as it is, in UTF-16, hexadecimal and base64."""
    encoded = text.encode()
    spellings = {
        "plain": encoded,
        "utf-16": text.encode("utf-16-le"),
        "hex": encoded.hex().encode(),
        **{f"base64 at {offset}": _inner_base64(encoded, offset) for offset in range(3)},
    }
    return [name for name, spelling in spellings.items() if spelling in content]


def _inner_base64(text: bytes, offset: int) -> bytes:
    """What base64 makes of `text` after `offset` bytes, without the characters at both ends that hold other bits."""
    return b64encode(b"?" * offset + text + b"?" * 3)[(offset * 8 + 5) // 6 : (offset + len(text)) * 8 // 6]
