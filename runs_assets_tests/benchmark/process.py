"""What the measured processes share: Dagster's history, and how much memory they took."""

import resource
import sys

import dagster as dg


def peak_bytes() -> int:
    """The largest resident memory that this process ever had (`ru_maxrss` is in KiB on Linux, in bytes on macOS)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def temporary_instance(folder: str) -> dg.DagsterInstance:
    """Dagster's own history in SQLite files, as on any machine where it runs."""
    return dg.DagsterInstance.local_temp(folder, overrides={"telemetry": {"enabled": False}})
