"""What the README shows for reading the files works as it stands there, and dates are of the kind that it says."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from runs_assets.sandbox import FixedHistory
from runs_assets_tests.files_on_disk import folder_of
from runs_assets_tests.project import Project
from runs_assets_tests.readme import README
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE, PRODUCTSUP_EXAMPLE

FIRST, LAST = date(2026, 2, 28), date(2026, 3, 2)


def snippet(language: str) -> str:
    """The README's code in a language, under the heading of the files."""
    section = README.read_text().partition("## Read the files")[2]
    [code] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)[:1]
    return str(code)


@pytest.fixture(autouse=True)
def _folder(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory of a project with one run of each source on each of three days."""
    days = [f"2026-{day}T10:00:00Z" for day in ("02-28", "03-01", "03-02")]
    project.sandbox.cloudcruise.history = FixedHistory.of(
        {**CLOUDCRUISE_EXAMPLE[0], "session_id": at, "created_at": at} for at in days
    )
    project.sandbox.productsup.history = FixedHistory.of(
        {**PRODUCTSUP_EXAMPLE[0], "id": at, "created-at": at} for at in days
    )
    for source in ("cloudcruise", "productsup"):
        assert project.materialize(source, FIRST, LAST).success
    monkeypatch.chdir(Path(folder_of(project.layout)).parent)


def test_pandas_takes_dates_for_text_and_the_readme_makes_days_of_them() -> None:
    names: dict[str, Any] = {}
    exec(snippet("python"), names)
    assert list(names["rates"]["date"]) == [pd.Timestamp(2026, 3, 1), pd.Timestamp(2026, 3, 2)]


@pytest.mark.parametrize("day", ["'2026-03-01'", "DATE '2026-03-01'"])
def test_duckdb_takes_them_for_dates_which_compare_with_text(day: str) -> None:
    with duckdb.connect() as database:
        *_, kept = [database.sql(query).fetchall() for query in snippet("sql").split(";") if query.strip()]
        assert [row[0] for row in kept] == [FIRST, date(2026, 3, 1), LAST]
        files = "read_parquet('data/failure_rates/**/*.parquet', hive_partitioning = true)"
        found = database.sql(f"SELECT DISTINCT date FROM {files} WHERE date >= {day} ORDER BY 1").fetchall()
        assert found == [(date(2026, 3, 1),), (LAST,)]
