"""Whether two computations of the verdicts agree, row by row and column by column."""

from collections.abc import Mapping
from math import isclose
from typing import Any

from runs_assets_tests.verdicts.plain import KEYS, Tables

TOLERANCE = {"p_value": 1e-6, "q_value": 1e-6, "version_p_value": 1e-6}
RELATIVE = 1e-9
"""How far two numbers may be apart; whole numbers, times, ids and states not at all."""
NOT_RECOMPUTED = {"pipeline_name", "reason", "reason_category", "reason_side"}


def differences(found: Tables, expected: Tables) -> list[str]:
    """What is not as expected, a line each: rows that are missing, rows too many, and single values."""
    return [line for table in KEYS for line in _differences(table, found[table], expected[table])]


def _differences(table: str, found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[str]:
    found_by_key, expected_by_key = (
        {tuple(row[name] for name in KEYS[table]): row for row in rows} for rows in (found, expected)
    )
    assert (len(found_by_key), len(expected_by_key)) == (len(found), len(expected)), f"{table} repeats a row"
    return [
        *(f"{table}: {key} is missing" for key in expected_by_key.keys() - found_by_key.keys()),
        *(f"{table}: {key} should not be there" for key in found_by_key.keys() - expected_by_key.keys()),
        *(
            f"{table}: {key} {difference}"
            for key in expected_by_key.keys() & found_by_key.keys()
            for difference in _of_row(found_by_key[key], expected_by_key[key])
        ),
    ]


def _of_row(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    names = found.keys() - NOT_RECOMPUTED | expected.keys()
    nothing = "no such column"
    pairs = {name: (found.get(name, nothing), expected.get(name, nothing)) for name in sorted(names)}
    return [f"{name}: {got!r} instead of {due!r}" for name, (got, due) in pairs.items() if not _agree(name, got, due)]


def _agree(name: str, found: object, expected: object) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return isclose(found, expected, rel_tol=TOLERANCE.get(name, RELATIVE), abs_tol=1e-300)
    return type(found) is type(expected) and found == expected
