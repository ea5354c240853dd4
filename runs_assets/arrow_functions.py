"""`pyarrow.compute`, loaded when the first of its functions is called.

Making its functions takes as long as all of pyarrow beside it, and every process of Dagster imports the modules that
declare the tables.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    import pyarrow.compute  # noqa: PLC0415

    return getattr(pyarrow.compute, name)
