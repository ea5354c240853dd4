"""Tables at any width, and lines of JSON."""

from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from runs_assets.insight.printing import Column, TableRow, print_json, print_table

COLUMNS = (
    Column("state", least=8),
    Column("pipeline", least=12, is_name=True),
    Column("24 h", gives_way=2, is_number=True),
    Column("why", least=16),
    Column("run", gives_way=1),
)
ROW = TableRow(("down", "supplier-portal-export", "28 %", "7 failures in a row: LOGIN_FAILED", "r-1234"))
# Whole: 5 + 22 + 4 + 33 + 6 characters, and 2 between each two of them: 78. The narrowest with all: 5 + 12 + 4 + 16 + 6
# and 8 are 51; without `run` 43, without `24 h` 37; names then down to 8: 33.


def printed(width: int, *lines: TableRow, columns: tuple[Column, ...] = COLUMNS) -> list[str]:
    console = Console(width=width, file=StringIO(), record=True)
    print_table(console, columns, lines)
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize(
    ("width", "header", "name"),
    [
        (78, "state pipeline 24 h why run", "supplier-portal-export"),
        (77, "state pipeline 24 h why run", "supplier-p…tal-export"),
        (51, "state pipeline 24 h why run", "suppli…xport"),
        (50, "state pipeline 24 h why", "suppli…xport"),
        (42, "state pipeline why", "suppli…xport"),
        (36, "state pipeline why", "suppl…xport"),
        (33, "state pipeline why", "supp…ort"),
    ],
)
def test_columns_give_way_in_their_order_and_names_lose_their_middle(width: int, header: str, name: str) -> None:
    lines = printed(width, ROW)
    assert " ".join(lines[0].split()) == header
    assert name in lines[1]
    assert max(map(cell_len, lines)) <= width


def test_what_is_long_is_wrapped_and_nothing_of_it_lost() -> None:
    words = " ".join(word for line in printed(43, ROW)[1:] for word in line[25:].split())
    assert words == "7 failures in a row: LOGIN_FAILED"


def test_a_column_without_anything_in_it_is_left_out() -> None:
    assert printed(78, TableRow(("ok", "p", "", "", "r")))[0].split() == ["state", "pipeline", "run"]


def test_foreign_text_moves_no_cursor_and_is_no_markup() -> None:
    [_, line] = printed(78, TableRow(("ok", "in\x1b[2J\nvoices", "", "[red]not red[/red]", "r")))
    assert line.split() == ["ok", "in", "[2J", "voices", "[red]not", "red[/red]", "r"]


@given(st.lists(st.tuples(*[st.text(max_size=60)] * 5), min_size=1, max_size=4), st.integers(40, 200))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, ...]], width: int) -> None:
    lines = printed(width, *(TableRow(row) for row in rows), columns=(Column("a", least=8), *COLUMNS[1:]))
    assert all(cell_len(line) <= width for line in lines)


def test_a_page_is_a_link() -> None:
    console = Console(width=78, file=StringIO(), force_terminal=True, color_system="standard")
    print_table(console, COLUMNS, [TableRow(ROW.cells, pages={"run": "https://platform.example/r-1234"})])
    assert "https://platform.example/r-1234" in console.file.getvalue()  # type: ignore[attr-defined]


def test_json_has_times_in_utc_and_a_line_for_each_row(capfd: pytest.CaptureFixture[str]) -> None:
    berlin = timezone(timedelta(hours=1))
    print_json(
        [{"at": datetime(2026, 3, 18, 12, tzinfo=UTC), "rate": None}, {"at": datetime(2026, 3, 18, 12, tzinfo=berlin)}]
    )
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == '{"at":"2026-03-18T12:00:00Z","rate":null}'
    assert orjson.loads(lines[1]) == {"at": "2026-03-18T12:00:00+01:00"}
