"""What the figures were measured on."""

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("dagster", "httpx", "msgspec", "pandas", "pyarrow", "dlt")


def machine() -> str:
    """A sentence: processor, cores, memory, versions."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"Measured on {os.cpu_count()} cores of {_processor()}, {gigabytes:.0f} GB, {platform.system()}, "
        f"with Python {platform.python_version()}, {', '.join(_versions())}."
    )


def _processor() -> str:
    models = Path("/proc/cpuinfo")
    lines = models.read_text().splitlines() if models.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _versions() -> list[str]:
    found = []
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return found
