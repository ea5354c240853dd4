"""The parts of READMEs that scripts write, each between a line that names its script and an end marker."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
END = "<!-- end of what is written -->"


def written_by(module: str, readme: Path = README) -> str:
    """What a README has of a script, `python -m MODULE`. Raises `ValueError` if it has no place for it."""
    text = readme.read_text()
    begin, end = _place(text, module)
    return text[begin:end].strip()


def write(module: str, content: str, readme: Path = README) -> None:
    """Replace what a README has of a script. Raises `ValueError` if it has no place for it."""
    text = readme.read_text()
    begin, end = _place(text, module)
    readme.write_text(f"{text[:begin]}\n\n{content}\n\n{text[end:]}")


def _place(text: str, module: str) -> tuple[int, int]:
    marker = f"<!-- written by `python -m {module}` -->"
    begin = text.index(marker) + len(marker)
    return begin, text.index(END, begin)
