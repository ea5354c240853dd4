"""A golden file says which of the two changed: the output, or the version."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from runs_assets_tests.golden import files
from runs_assets_tests.golden.files import check, write

ROWS = [
    {"id": "b", "day": date(2026, 3, 1), "at": datetime(2026, 3, 1, 8, tzinfo=UTC), "rate": 0.25, "p_value": 1e-7},
    {"id": "a", "day": date(2026, 3, 1), "at": None, "rate": 1 / 3, "p_value": None},
]
WHERE = "runs_assets/some/table.py"


@pytest.fixture(autouse=True)
def _written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    write("table", "1", ROWS)


def test_the_same_rows_pass_in_any_order_and_but_for_rounding() -> None:
    check("table", "1", [ROWS[1], ROWS[0] | {"rate": 0.25 * (1 + 1e-12), "p_value": 1e-7 * (1 + 1e-9)}], WHERE)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:1],
        [*ROWS, ROWS[0]],
        [ROWS[0] | {"rate": 0.2500001}, ROWS[1]],
        [ROWS[0] | {"id": "c"}, ROWS[1]],
        [ROWS[0] | {"rate": None}, ROWS[1]],
        [row | {"more": None} for row in ROWS],
        [{name: row[name] for name in ("id", "day")} for row in ROWS],
    ],
)
def test_other_rows_of_the_same_version_ask_for_a_new_version(rows: list[dict[str, object]]) -> None:
    with pytest.raises(AssertionError, match=r"raise `version` in runs_assets/some/table\.py"):
        check("table", "1", rows, WHERE)


def test_a_difference_names_its_column() -> None:
    with pytest.raises(AssertionError, match=r"\nrate: 0.5 instead of 0.25$"):
        check("table", "1", [ROWS[0] | {"rate": 0.5}, ROWS[1]], WHERE)


def test_a_new_version_asks_for_new_golden_rows() -> None:
    with pytest.raises(
        AssertionError, match=r"has version 2, but its golden rows belong to version 1\..*run `python -m"
    ):
        check("table", "2", ROWS, WHERE)
    with pytest.raises(AssertionError, match=r"in table\.jsonl by hand"):
        check("table", "2", ROWS, WHERE, by_hand=True)
