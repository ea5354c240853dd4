"""The table of this folder's README."""

from collections.abc import Iterable
from pathlib import Path

MODULE = "runs_assets_tests.comparison"
README = Path(__file__).parent / "README.md"
HEADINGS = (
    "fault",
    "what happens",
    "CloudCruise: dlt",
    "CloudCruise: this project",
    "Productsup CDE: dlt",
    "Productsup CDE: this project",
)


def table(rows: Iterable[Iterable[str]]) -> str:
    """Markdown."""
    lines = (HEADINGS, ["---"] * len(HEADINGS), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
