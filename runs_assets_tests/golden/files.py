"""Golden files: the rows of a table for a small input, and the version of the table that they belong to.

`<name>.jsonl` begins with `{"table": ..., "version": ...}`; each further line is a row. Rows are compared in no
particular order; decimal numbers may differ by rounding.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from math import isclose
from pathlib import Path
from typing import Any

from runs_assets.days import iso

FOLDER = Path(__file__).parent
COMMAND = "python -m runs_assets_tests.golden"
RELATIVE, OF_PROBABILITIES = 1e-9, 1e-6
"""How far two decimal numbers may be apart; `..._value` columns are sums of many small terms."""

Row = Mapping[str, Any]


def check(name: str, version: str, rows: Iterable[Row], where: str, *, by_hand: bool = False) -> None:
    """Raise `AssertionError`, saying what to do, unless the rows are the golden ones and these are of this version.

    `where` is the file that declares the version; `by_hand` if the golden rows are not written by `COMMAND`.
    """
    header, *expected = map(json.loads, path_of(name).read_text().splitlines())
    rewrite = f"correct the rows and the version in {path_of(name).name} by hand" if by_hand else f"run `{COMMAND}`"
    if header["version"] != version:
        raise AssertionError(
            f"`{name}` has version {version}, but its golden rows belong to version {header['version']}. To guard the "
            f"new version, {rewrite}, and read the differences before you commit them."
        )
    found, expected = _ordered(rows), _ordered(expected)
    if len(found) != len(expected) or not all(map(_agree, found, expected)):
        purpose = "" if by_hand else " to write the rows of the independent recomputation"
        raise AssertionError(
            f"The output of `{name}` changed but its version is still {version}. If this is intended, raise `version` "
            f"in {where} so that stored files are rebuilt, then {rewrite}{purpose}.\n" + _differences(found, expected)
        )


def write(name: str, version: str, rows: Iterable[Row]) -> None:
    """Replace a golden file."""
    lines = [{"table": name, "version": version}, *_ordered(rows)]
    path_of(name).write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))


def path_of(name: str) -> Path:
    """Where the golden rows of a table are."""
    return FOLDER / f"{name}.jsonl"


def _ordered(rows: Iterable[Row]) -> list[Row]:
    encoded = [{name: _encoded(value) for name, value in row.items()} for row in rows]
    return sorted(encoded, key=_exact)


def _exact(row: Row) -> str:
    """What of a row no rounding touches."""
    return json.dumps({name: value for name, value in sorted(row.items()) if not isinstance(value, float)})


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def _agree(found: Row, expected: Row) -> bool:
    return found.keys() == expected.keys() and all(_equal(name, found[name], expected[name]) for name in found)


def _equal(name: str, found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return isclose(found, expected, rel_tol=OF_PROBABILITIES if name.endswith("_value") else RELATIVE)
    return type(found) is type(expected) and found == expected


def _differences(found: Sequence[Row], expected: Sequence[Row]) -> str:
    """The first rows that are on one side only, column by column."""
    rows, others = _missing_in(expected, found), _missing_in(found, expected)
    row, other = next(iter(rows), {}), next(iter(others), {})
    names = [name for name in {**row, **other} if not _equal(name, row.get(name), other.get(name))]
    count = f"{len(found)} rows instead of {len(expected)}, {len(rows)} of them differ."
    return "\n".join([count, *(f"{name}: {row.get(name)!r} instead of {other.get(name)!r}" for name in names)])


def _missing_in(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    return [other for other in others if not any(_agree(row, other) for row in rows)]
