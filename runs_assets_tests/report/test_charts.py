"""The charts of the whole fleet: SVG that the page may hold, and that stands alone."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import lxml.etree
import pytest

from runs_assets.days import DayRange
from runs_assets.insight.fleet import Fleet
from runs_assets.report import charts
from runs_assets.report.charts import ANYWHERE, OF_PAGE, Bar, fleet_chart, timeline
from runs_assets.report.page import report_page
from runs_assets_tests.report.reading import Element, parsed, section, text_of
from runs_assets_tests.report.stored import IMAGE, SCRIPT

DAYS = DayRange(date(2026, 3, 1), date(2026, 3, 10))
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def drawn(svg: str) -> Element:
    return lxml.etree.fromstring(svg)


def texts(drawing: Element) -> list[str]:
    return [text for text in drawing.itertext() if text.strip()]


@pytest.mark.parametrize("palette", [OF_PAGE, ANYWHERE])
def test_a_chart_has_no_style_no_script_and_no_name_of_its_own(fleet: Fleet, palette: charts.Palette) -> None:
    for svg in (fleet_chart(fleet.sources, palette), timeline([Bar("a", "down", NOON, NOON)], DAYS, palette)):
        elements = [element for element in drawn(svg).iter() if isinstance(element.tag, str)]
        tags = {lxml.etree.QName(element).localname for element in elements}
        assert tags <= {"svg", "g", "path", "line", "text", "rect"}
        assert not {"style", "id", "href"} & {name for element in elements for name in element.attrib}


def test_each_source_has_its_name_and_its_days(fleet: Fleet) -> None:
    shown = texts(drawn(fleet_chart(fleet.sources)))
    assert [text for text in shown if text in {"cloudcruise", "productsup"}] == ["cloudcruise", "productsup"]
    assert "03-18" in shown


def test_colours_of_the_page_follow_its_theme_and_others_stand_alone(fleet: Fleet) -> None:
    assert 'stroke="var(--rate)"' in fleet_chart(fleet.sources, OF_PAGE)
    alone = fleet_chart(fleet.sources)
    assert "var(" not in alone
    assert "currentColor" not in alone


def test_colours_of_pictures_can_be_read_on_white_and_on_black() -> None:
    for colour in (ANYWHERE.text, ANYWHERE.rate, ANYWHERE.volume, ANYWHERE.broken, ANYWHERE.silent, ANYWHERE.failing):
        shade = luminance(colour)
        assert 1.05 / (shade + 0.05) >= 2.7, colour
        assert (shade + 0.05) / 0.05 >= 3, colour


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_timeline_has_a_row_for_each_pipeline_and_a_bar_for_each_incident() -> None:
    bars = [
        Bar(SCRIPT, "down", NOON, NOON + timedelta(days=1)),
        Bar(IMAGE, "silent", NOON - timedelta(days=30), NOON),  # began before the days that are shown
        Bar(SCRIPT, "down", NOON - timedelta(days=2), NOON - timedelta(days=1)),
    ]
    drawing = drawn(timeline(bars, DAYS))
    assert [text for text in texts(drawing) if text in {SCRIPT, IMAGE}] == [SCRIPT, IMAGE]
    fills = Counter(path.get("fill") for path in drawing.iter("{*}path"))
    assert (fills[ANYWHERE.broken], fills[ANYWHERE.silent]) == (3, 2)  # each kind has one in the legend, too


def test_without_the_extra_the_page_has_every_table_and_says_how_to_get_charts(fleet: Fleet, page: Element) -> None:
    plain = parsed(report_page(fleet, with_charts=False))
    assert charts.HOW_TO_GET in text_of(plain)
    assert charts.HOW_TO_GET not in text_of(page)
    assert len(plain.xpath("//table")) == len(page.xpath("//table"))
    for title in ("All pipelines by day", "Incidents"):
        assert section(page, title).xpath(".//figure")
        assert not section(plain, title).xpath(".//figure")
