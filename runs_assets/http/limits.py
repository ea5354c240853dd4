"""How long a GET may take, and how much it may bring."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one GET, all attempts together; durations are in seconds, sizes in bytes.

    `body_bytes` is for an answer with runs, `other_bytes` for errors, of which the rest is ignored, and for tokens.
    """

    deadline: float = 300.0
    attempt: float = 120.0
    connect: float = 10.0
    read: float = 60.0
    longest_wait: float = 60.0
    first_backoff: float = 0.5
    refused_tries: int = 3
    body_bytes: int = 64 * 1024 * 1024
    other_bytes: int = 1024 * 1024
