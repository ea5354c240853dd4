"""The table of this folder's README: what comes of each fault; the matrix writes it."""

from collections.abc import Callable
from pathlib import Path

from runs_assets.sandbox.faults import FAULTS
from runs_assets_tests.contract.cases import CASES, SOURCES

MODULE = "runs_assets_tests.contract"
README = Path(__file__).parent / "README.md"


def table(verdict: Callable[[str, str], str]) -> str:
    """Markdown: a line for each fault, a column for each source; `verdict` is asked for each (fault, source)."""
    lines = [
        "| fault | what happens | CloudCruise | Productsup CDE |",
        "|---|---|---|---|",
        *(
            f"| `{name}` | {FAULTS[name].about} | {' | '.join(verdict(name, source) for source in SOURCES)} |"
            for name in CASES
        ),
    ]
    return "\n".join(lines)
