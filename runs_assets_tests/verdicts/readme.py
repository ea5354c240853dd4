"""`python -m runs_assets_tests.verdicts.readme`: the table of the verdict tables in their README."""

from pathlib import Path

import runs_assets.verdicts
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.readme import write

MODULE = "runs_assets_tests.verdicts.readme"
README = Path(runs_assets.verdicts.__path__[0]) / "README.md"


def markdown() -> str:
    """A line per table, as it is declared."""
    return "\n".join(["| table | what it holds |", "|---|---|", *_lines()])


def _lines() -> list[str]:
    return [f"| `{table.name}` | {table.description} |" for table in VERDICT_TABLES]


if __name__ == "__main__":
    write(MODULE, markdown(), README)
