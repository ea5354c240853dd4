"""The page as a browser has it: parsed, with what is in its elements."""

import re
from collections.abc import Iterator
from typing import Any

import lxml.html

Element = Any


def parsed(page: bytes) -> Element:
    """The root of the page."""
    return lxml.html.document_fromstring(page.decode())


def text_of(element: Element) -> str:
    """What a person reads, on one line, a space between elements."""
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip()


def cells(row: Element) -> list[str]:
    """The texts of a row's cells."""
    return [text_of(cell) for cell in row if cell.tag in {"td", "th"}]


def rows(table: Element) -> list[list[str]]:
    """The texts of the cells of a table's body."""
    return [cells(row) for row in table.xpath("./tbody/tr")]


def attributes(page: Element) -> Iterator[tuple[str, str, str]]:
    """Each attribute on the page: its element's tag, its name and its value."""
    for element in page.iter():
        if isinstance(element.tag, str):
            yield from ((element.tag, name, value) for name, value in element.attrib.items())


def section(page: Element, title: str) -> Element:
    """The section with this heading."""
    [found] = page.xpath("//section[h2[normalize-space() = $title]]", title=title)
    return found


def details(page: Element, pipeline: str) -> Element:
    """What is shown on demand of a pipeline, by the name on the page."""
    [found] = page.xpath("//details[summary/h3[normalize-space() = $name]]", name=pipeline)
    return found


def table_below(part: Element, heading: str) -> Element:
    """The first table after a heading of a part."""
    [found] = part.xpath(".//h4[normalize-space() = $heading]/following::table[1]", heading=heading)
    return found
