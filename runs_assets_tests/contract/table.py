"""The table of the README that says what comes of each fault; the matrix writes it."""

from collections.abc import Callable
from pathlib import Path

from runs_assets.sandbox.faults import FAULTS
from runs_assets_tests.contract.cases import CASES, SOURCES

README = Path(__file__).parents[2] / "README.md"
INTRODUCTION = """\
The sandbox has these traps and others as named faults. Here is what comes of each when a day is read live and again until
it is settled, with all files compared with the truth after each reading (`runs_assets_tests/contract/`). Where a reading
fails, the files stay as they were, and the day is right once the fault is gone."""
BEGIN = "<!-- written by `python -m runs_assets_tests.contract` -->"
END = "<!-- end of what is written -->"


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


def written() -> str:
    """The table that the README has. Raises `ValueError` if it has no place for one."""
    text = README.read_text()
    begin, end = _place(text)
    return text[begin:end].strip()


def write(content: str) -> None:
    """Replace the table in the README."""
    text = README.read_text()
    begin, end = _place(text)
    README.write_text(f"{text[:begin]}\n\n{content}\n\n{text[end:]}")


def _place(text: str) -> tuple[int, int]:
    begin = text.index(BEGIN) + len(BEGIN)
    return begin, text.index(END, begin)
