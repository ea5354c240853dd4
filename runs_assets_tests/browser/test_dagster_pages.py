"""Dagster's own pages: from the home page to what is down, since when and why, and what is shown on the way."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from runs_assets.days import start_of
from runs_assets.sandbox.profiles import WORKFLOWS
from runs_assets.sandbox.story import SILENT
from runs_assets.storage.layout import Layout
from runs_assets_tests.browser.chromium import listened_to, opened_context
from runs_assets_tests.browser.story import DOWN, Story
from runs_assets_tests.files_on_disk import on_disk

pytestmark = pytest.mark.browser

NAMES = {workflow.id: workflow.name for workflow in WORKFLOWS}


@pytest.fixture(scope="module")
def context(chromium: Browser, dagster_url: str) -> Iterator[BrowserContext]:
    with opened_context(chromium, base_url=dagster_url) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, dagster_url: str) -> Iterator[Page]:
    """A page that asks no other host than Dagster's, and whose scripts raise nothing."""
    page, heard = listened_to(context.new_page())
    yield page
    page.close()
    assert [url for url in heard.requests if not url.startswith((dagster_url, "data:", "blob:"))] == []
    assert heard.errors == []


def row_of(page: Page, pipeline: str) -> Locator:
    return table_of(page, pipeline).locator("tbody tr").filter(has_text=pipeline).first


def table_of(page: Page, pipeline: str) -> Locator:
    """The first table with a pipeline in it that holds no other table, as those of Dagster do."""
    return page.locator("table:not(:has(table))").filter(has_text=pipeline).first


def test_three_clicks_lead_from_the_home_page_to_what_is_down_since_when_and_why(page: Page, story: Story) -> None:
    (known,) = [one for one in story.answers("status") if one["pipeline"] == DOWN]
    since = datetime.fromisoformat(known["since"])
    noon = start_of(story.days.last) - timedelta(hours=12)
    assert noon - timedelta(hours=1) <= since <= noon + timedelta(hours=12)

    page.goto("/")
    page.get_by_role("link", name="Catalog").click()
    page.get_by_role("link", name="pipeline_health").click()
    page.get_by_role("tab", name="Events").click()

    row = row_of(page, DOWN)
    for shown in ("down", f"{since:%Y-%m-%d %H:%M}", known["why"]):
        expect(row.get_by_text(shown, exact=True)).to_be_in_viewport(ratio=1)


def test_the_newest_materialization_names_what_is_wrong_and_nothing_else(page: Page, story: Story) -> None:
    page.goto("/assets/pipeline_health?view=events")
    expect(row_of(page, DOWN)).to_be_visible()
    table = table_of(page, DOWN)
    assert table.locator("thead th").count() <= 8
    shown = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    wrong = {(one["state"], one["pipeline"]) for one in story.answers("status")}
    assert {("down", DOWN), ("silent", SILENT.name)} <= wrong
    assert {(state, pipeline) for state, pipeline in wrong for row in shown if {state, pipeline} <= set(row)} == wrong
    assert len(shown) == len(wrong)
    assert "down" in shown[0]


def test_the_chart_of_the_fleet_is_drawn_from_the_page_alone(page: Page) -> None:
    page.goto("/assets/pipeline_health?view=events")
    page.get_by_text("Show Markdown").first.click()
    picture = page.locator("img[src^='data:image/svg']")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.naturalWidth") > 300
    assert picture.get_attribute("alt")


def test_the_check_shows_as_failed_with_what_does_not_work(page: Page, story: Story) -> None:
    page.goto("/assets/pipeline_health")
    page.get_by_role("tab", name="Checks").click()
    expect(page.get_by_text("no_pipeline_is_down").first).to_be_visible()
    expect(page.get_by_text("Failed", exact=True).last).to_be_visible()
    expect(row_of(page, DOWN)).to_be_visible()
    shown = table_of(page, DOWN).locator("tbody tr").all_inner_texts()
    assert len(shown) == sum(one["is_broken"] for one in story.answers("status"))


def is_red(shown: Locator) -> bool:
    """Whether a text is drawn in red; amber has far more green than blue in it."""
    drawn = shown.evaluate("one => getComputedStyle(one).color")
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", drawn)[:3])
    return red > 2 * max(green, blue) and abs(green - blue) < red / 4


def test_the_graph_shows_in_red_that_something_is_down(page: Page) -> None:
    page.goto("/assets/pipeline_health?view=lineage")
    every = page.locator("div").filter(has_text="pipeline_health").filter(has_text="Materialized")
    node = every.filter(has_text="0 / 1 Passed").last  # the innermost one
    assert is_red(node.get_by_text("Materialized", exact=True))

    page.goto("/asset-groups")
    group = page.locator("foreignObject").filter(has_text="verdicts")
    expect(group.get_by_text("8", exact=True)).to_be_visible()
    assert not is_red(group.get_by_text("8", exact=True))
    assert is_red(group.get_by_text("1", exact=True))


def test_a_day_of_failure_rates_shows_the_worst_first_by_name(page: Page, story: Story) -> None:
    day = story.days.last - timedelta(days=1)
    file = on_disk(Layout(story.folder.data).day_file("failure_rates", "cloudcruise", day))
    worst_first = [("failure_rate", "descending"), ("failed", "descending")]
    rates = pq.ParquetFile(file).read().sort_by(worst_first)
    names = [NAMES[pipeline_id] for pipeline_id in rates["pipeline_id"].to_pylist()]

    page.goto(f"/assets/cloudcruise/failure_rates?view=partitions&partition={day}")
    expect(row_of(page, DOWN)).to_be_visible()
    table = table_of(page, DOWN)
    shown = [next(name for name in names if name in text) for text in table.locator("tbody tr").all_inner_texts()]
    assert shown == names[: len(shown)]
    assert "pipeline" in table.locator("thead th").first.inner_text()
