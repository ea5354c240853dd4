"""The table of the README that says what comes of each fault; the matrix writes it."""

from collections.abc import Callable

from runs_assets.sandbox.faults import FAULTS
from runs_assets_tests.contract.cases import CASES, SOURCES

MODULE = "runs_assets_tests.contract"
INTRODUCTION = """\
The sandbox has these traps and others as named faults. Here is what comes of each when a day is read live and again until
it is settled, with all files compared with the truth after each reading (`runs_assets_tests/contract/`). Where a reading
fails, the files stay as they were, and the day is right once the fault is gone."""


def table(verdict: Callable[[str, str], str]) -> str:
    """Markdown: a line for each fault, a column for each source; `verdict` is asked for each (fault, source)."""
    lines = [
        INTRODUCTION,
        "",
        "| fault | what happens | CloudCruise | Productsup CDE |",
        "|---|---|---|---|",
        *(
            f"| `{name}` | {FAULTS[name].about} | {' | '.join(verdict(name, source) for source in SOURCES)} |"
            for name in CASES
        ),
    ]
    return "\n".join(lines)
