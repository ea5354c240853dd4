"""Waiting for other processes, and trying again, so that those who met once do not meet again."""

import time
from collections.abc import Callable
from typing import TypeVar

from runs_assets.errors import BusyError, ConflictError

REPORT_EVERY_SECONDS = 10.0
"""How often it is said that a right is waited for."""
TRIES, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 8, 0.2, 3.0
T = TypeVar("T")


def until_taken(
    take: Callable[[], bool], what: str, poll_seconds: float, patience: float, report: Callable[[str], None]
) -> None:
    """Try to `take` the right to write `what` until that works, and report now and then that another process has it.

    Raises `BusyError` after `patience` seconds.
    """
    begun = reported = time.monotonic()
    while not take():
        now = time.monotonic()
        if now - begun >= patience:
            raise BusyError(
                f"Another process is still writing the files of {what} after {patience:.0f} s. Nothing was read or "
                "changed; run this again when the other run has ended."
            )
        if now - reported >= REPORT_EVERY_SECONDS:
            reported = now
            report(f"{what}: waiting for another process that is writing this source")
        time.sleep(min(poll_seconds, patience))


def tried(action: Callable[[], T], *errors: type[Exception]) -> T:
    """What an action gives, tried again after a growing random wait if it raises one of these errors; or the last."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential  # noqa: PLC0415  (slow)

    return Retrying(
        retry=retry_if_exception_type(errors),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
        reraise=True,
    )(action)


def without_conflict(write: Callable[[], T]) -> T:
    """What a writer gives that looks at what is stored, and looks again when another process was faster.

    Raises `BusyError` if others always were.
    """
    try:
        return tried(write, ConflictError)
    except ConflictError:
        raise BusyError(
            "Other processes keep changing the same files. Nothing of theirs was overwritten; run this again."
        ) from None
