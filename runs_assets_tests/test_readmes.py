"""The READMEs say what the code declares, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from runs_assets_tests.readme import README, ROOT, written_by
from runs_assets_tests.tables import MODULE, asset_table

READMES = [README, *ROOT.glob("runs_assets/**/README.md"), *ROOT.glob("runs_assets_tests/**/README.md")]
SOURCE_FILES = [*ROOT.glob("runs_assets/**/*.py"), *ROOT.glob("runs_assets_tests/**/*.py")]


def test_the_table_of_assets_is_that_of_the_declarations() -> None:
    assert written_by(MODULE) == asset_table(), f"run python -m {MODULE}"


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_every_file_that_is_named_exists(readme: Path) -> None:
    text = readme.read_text()
    links = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert [link for link in links if not (readme.parent / link).exists()] == []
    files = re.findall(r"`([\w/]+\.py)`", text)
    assert [file for file in files if not any(path.match(file) for path in SOURCE_FILES)] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200
