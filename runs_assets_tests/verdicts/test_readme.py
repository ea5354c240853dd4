"""The README of the verdicts lists the tables as they are declared."""

from runs_assets_tests.readme import written_by
from runs_assets_tests.verdicts.readme import MODULE, README, markdown


def test_the_readme_has_the_tables() -> None:
    assert written_by(MODULE, README) == markdown(), f"run `python -m {MODULE}`"
