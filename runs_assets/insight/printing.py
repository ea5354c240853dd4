"""Rows for a terminal of any width, and for a program: a JSON object on each line."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from runs_assets.plain_text.wording import plain, span

GAP = 2
NARROWEST = 8
ELLIPSIS = "…"


@dataclass(frozen=True)
class Column:
    """A column of a table for people: its header, and how it behaves where a terminal is narrow.

    It is as wide as its longest cell, or down to `least` characters: then its cells are wrapped, or with `is_name`
    shortened in the middle. Where that is too wide, columns that `give_way` are left out, 1 first, and where none is
    left, names become shorter still, then the others.
    """

    header: str
    gives_way: int = 0
    least: int | None = None
    is_name: bool = False
    is_number: bool = False


@dataclass(frozen=True)
class TableRow:
    """The cells of a row, the style of the whole row, and by its column's header the page that a cell leads to."""

    cells: Sequence[str]
    style: str = ""
    pages: dict[str, str] | None = None


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a sentence as it is, but for control characters; the terminal wraps it."""
    console.print(plain(sentence), style=style, markup=False, highlight=False, soft_wrap=True)


def print_table(console: Console, columns: Sequence[Column], lines: Sequence[TableRow]) -> None:
    """Print a table that fits the console, without columns in which there is nothing."""
    cells = [[plain(cell) for cell in line.cells] for line in lines]
    longest = {
        place: max(cell_len(text) for text in (columns[place].header, *texts))
        for place, texts in enumerate(zip(*cells, strict=True))
        if any(texts)
    }
    widths = _widths(columns, longest, console.width)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for place, width in widths.items():
        column = columns[place]
        justify: JustifyMethod = "right" if column.is_number else "left"
        table.add_column(column.header, width=width, justify=justify, header_style="dim")
    for line, texts in zip(lines, cells, strict=True):
        table.add_row(*(_cell(columns[place], line, texts[place], widths[place]) for place in widths), style=line.style)
    console.print(table)


def print_json(rows: Iterable[Any]) -> None:
    """Write each row, a dataclass or a mapping, as a line of UTF-8: times in ISO 8601 with `Z`, unknown as null."""
    for row in rows:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")


def short_time(instant: datetime | None, year: int) -> str:
    """`03-18 09:12`, `2025-12-31 09:12` if it is not of this `year`; empty if there is none."""
    if instant is None:
        return ""
    return f"{instant:%m-%d %H:%M}" if instant.year == year else f"{instant:%Y-%m-%d %H:%M}"


def length_of(seconds: float | None) -> str:
    """`34 s`, from two minutes on `2 min`, `1 h 5 min`; empty if it is unknown."""
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else span(timedelta(seconds=seconds))


def _widths(columns: Sequence[Column], longest: Mapping[int, int], most: int) -> dict[int, int]:
    """The width of each column that is shown, by its place; `longest` are those of their longest cells."""
    widths = {place: min(width, columns[place].least or width) for place, width in longest.items()}
    leaving = [place for place in widths if columns[place].gives_way]
    leaving.sort(key=lambda place: columns[place].gives_way)
    while leaving and _spare(widths, most) < 0:
        del widths[leaving.pop(0)]
    names = [place for place in widths if columns[place].is_name]
    others = [place for place in widths if not columns[place].is_name]
    for place in [*names, *others]:
        widths[place] -= min(max(0, -_spare(widths, most)), max(0, widths[place] - NARROWEST))
    for place in [*others, *names]:
        widths[place] += max(0, min(longest[place] - widths[place], _spare(widths, most)))
    return widths


def _spare(widths: Mapping[int, int], most: int) -> int:
    return most - sum(widths.values()) - GAP * (len(widths) - 1)


def _cell(column: Column, line: TableRow, text: str, width: int) -> Text:
    page = (line.pages or {}).get(column.header)
    return Text(_shortened(text, width) if column.is_name else text, f"link {page}" if page else "", overflow="fold")


def _shortened(name: str, width: int) -> str:
    """Without its middle if it is too long: names differ at their beginnings and ends."""
    if cell_len(name) <= width:
        return name
    end = (width - 1) // 2
    tail = name[len(name) - end :] if end else ""
    return f"{set_cell_size(name, width - 1 - cell_len(tail)).rstrip()}{ELLIPSIS}{tail}"
