"""The canonical statuses of a run and their groups; each source maps its own words onto them.

A word that nobody knows becomes `UNKNOWN` and keeps its spelling in `raw_status`: it is reported, never guessed.
"""

from enum import StrEnum


class RunStatus(StrEnum):
    """What a run is doing, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


TERMINAL = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})
