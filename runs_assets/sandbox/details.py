"""What both platforms tell beside their runs, such as names and errors: how it is kept from a reader.

Not a named fault: those are about the lists of runs, and a reader of these can do without what it asks for.
"""

from typing import Literal

from starlette.responses import Response

from runs_assets.sandbox.answers import json_answer
from runs_assets.sandbox.faults.network import Hanging

Trouble = int | Literal["hang"] | None
"""A status to answer with, or no answer at all; None for the documented answer."""


def troubled(trouble: Trouble) -> Response | None:
    """Return the answer that stands in for the documented one, None if that is to be given."""
    if trouble is None:
        return None
    return Hanging() if trouble == "hang" else json_answer({"message": "Details are not to be had."}, trouble)
