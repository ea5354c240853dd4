"""The report in a browser: it asks nobody, names what is down, and needs neither a mouse, nor a wide screen, nor scripts."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from runs_assets_tests.browser.chromium import opened_page
from runs_assets_tests.browser.story import DOWN, Story

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=780)
A4 = ViewportSize(width=794, height=1123)
SIDEWAYS = "document.scrollingElement.scrollWidth - innerWidth"
INK = "getComputedStyle(document.body).color"
MOST_TABS = 120
FACTS = """() => [...document.querySelectorAll("h1, h2, h3, h4, p, li, th, td, figcaption, summary, dt, dd")]
    .filter((one) => !one.closest("form, #stale"))
    .map((one) => one.innerText.replace(/\\s+/g, " ").trim())"""


@pytest.fixture
def page(chromium: Browser, report_url: str) -> Iterator[Page]:
    """The report, offline; at the end of the test it has asked for nothing but itself, and complained of nothing."""
    with opened_page(chromium, offline=True) as (page, heard):
        page.goto(report_url)
        yield page
        assert {url.partition("#")[0] for url in heard.requests if not url.startswith("data:")} == {report_url}
        assert heard.errors + heard.warnings == []


def open_all(page: Page) -> None:
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tab key until an element has the focus, which must then be seen."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            assert wanted.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
            return
    pytest.fail(f"the tab key does not lead to {wanted}")


def shown_rows(page: Page) -> Locator:
    return page.locator("#fleet tbody tr:visible")


def column(page: Page, name: str) -> list[str]:
    """The texts of a column of the pipelines' table, in the order of its rows."""
    headers = page.locator("#fleet thead th").all_inner_texts()
    place = next(place for place, text in enumerate(headers) if text.split()[0] == name)
    return [row.locator("th, td").nth(place).inner_text() for row in shown_rows(page).all()]


def test_what_is_wrong_is_there_by_name_with_since_and_why(page: Page, story: Story) -> None:
    known = {one["pipeline"]: one for one in story.answers("status")}
    expect(page.locator("h1")).to_contain_text(str(len(known)))
    shown = {item.locator("strong").inner_text(): item for item in page.locator(".wrong > li").all()}
    assert shown.keys() == known.keys() >= {DOWN}
    for name, item in shown.items():
        expect(item).to_contain_text(known[name]["state"])
        expect(item).to_contain_text(known[name]["why"])
        expect(item).to_contain_text(f"since {datetime.fromisoformat(known[name]['since']):%Y-%m-%d %H:%M}")
    expect(shown[DOWN]).to_be_in_viewport(ratio=1)


def test_the_pipelines_are_sorted_by_keyboard(page: Page) -> None:
    header = page.locator("#fleet th[aria-sort]", has_text="failed")
    tab_to(page, header.get_by_role("button"))
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    most_first = [int(text) for text in column(page, "failed")]
    assert most_first == sorted(most_first, reverse=True)
    assert len(set(most_first)) > 4
    page.keyboard.press("Space")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert [int(text) for text in column(page, "failed")] == sorted(most_first)


def test_the_pipelines_are_filtered_by_keyboard(page: Page) -> None:
    total = shown_rows(page).count()
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("stock")
    expect(shown_rows(page)).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="shown")).to_have_text(f"1 of {total} pipelines shown")
    assert page.locator("details.pipeline:visible").count() == 1
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    expect(shown_rows(page)).to_have_count(total)
    tab_to(page, page.locator("#by-state"))
    page.keyboard.type("silent")
    assert {text.split()[0] for text in column(page, "state")} == {"silent"}


def test_a_pipeline_is_opened_by_keyboard_and_by_its_links(page: Page) -> None:
    second = page.locator("details.pipeline").nth(1)
    tab_to(page, second.locator("summary"))
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("open", "")
    page.locator(".wrong").get_by_role("link", name=DOWN).press("Enter")
    opened = page.locator("details.pipeline[open]").filter(has=page.locator("summary", has_text=DOWN))
    expect(opened.get_by_text("Last failed runs")).to_be_attached()
    expect(opened.locator("p").first).to_be_in_viewport()


def test_the_first_tab_skips_to_what_is_wrong(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_every_link_leads_somewhere_on_the_page(page: Page) -> None:
    targets = page.locator("a[href^='#']").evaluate_all("all => all.map((one) => one.getAttribute('href').slice(1))")
    ids = page.locator("[id]").evaluate_all("all => all.map((one) => one.id)")
    assert set(targets) <= set(ids)
    assert len(ids) == len(set(ids))


def test_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)
    assert page.evaluate(SIDEWAYS) <= 0
    open_all(page)
    assert page.evaluate(SIDEWAYS) <= 0


def test_on_a_phone_a_chart_begins_at_its_newest_day(page: Page) -> None:
    page.set_viewport_size(PHONE)
    open_all(page)
    hidden = page.locator("figure .region").evaluate_all(
        "all => all.map((one) => one.firstElementChild.getBoundingClientRect().right - one.getBoundingClientRect().right)"
    )
    assert len(hidden) > 2
    assert max(hidden) < 1


def test_every_drawing_has_a_name_or_is_decoration(page: Page) -> None:
    unnamed = page.locator("svg:not([aria-hidden=true])").evaluate_all(
        "all => all.filter((one) => one.getAttribute('role') !== 'img' || !one.getAttribute('aria-label')).map((one) => one.outerHTML.slice(0, 200))"
    )
    assert unnamed == []


def test_the_same_is_there_without_scripts(page: Page, chromium: Browser, report_url: str) -> None:
    open_all(page)
    with_scripts = page.evaluate(FACTS)
    with opened_page(chromium, java_script_enabled=False) as (plain, _):
        plain.goto(report_url)
        open_all(plain)
        assert plain.locator("th button").count() == 0  # the script has not run
        assert plain.evaluate(FACTS) == with_scripts
        expect(plain.locator("form")).to_be_hidden()
    assert len(with_scripts) > 1000


def test_a_time_says_on_hover_what_it_is_here(chromium: Browser, report_url: str) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    with opened_page(chromium, timezone_id=zone.key) as (page, _):
        page.goto(report_url)
        time = page.locator(".wrong time").first
        instant = datetime.fromisoformat(time.get_attribute("datetime") or "")
        assert time.inner_text() == f"{instant:%Y-%m-%d %H:%M}"
        assert instant.utcoffset() == timedelta(0)
        here = instant.astimezone(zone)
        assert re.search(rf"\b{here.day} {here:%B} {here.year}.* {here:%H:%M:%S}", time.get_attribute("title") or "")


def test_an_old_page_says_so(chromium: Browser, report_url: str) -> None:
    with opened_page(chromium) as (page, _):
        page.goto(report_url)
        expect(page.locator("#stale")).to_be_hidden()
        written = datetime.fromisoformat(page.locator("#as-of time").first.get_attribute("datetime") or "")
        page.clock.set_fixed_time(written + timedelta(hours=30, minutes=5))
        page.reload()
        expect(page.locator("#stale")).to_have_text("This page was written 30 hours ago.")


def test_nothing_moves(chromium: Browser, report_url: str) -> None:
    with opened_page(chromium, reduced_motion="reduce") as (page, _):
        page.goto(report_url)
        assert page.evaluate("document.getAnimations().length") == 0
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        assert page.evaluate(
            "[...document.querySelectorAll('*')].every((one) => getComputedStyle(one).transitionDuration === '0s')"
        )


def test_it_prints(page: Page) -> None:
    page.set_viewport_size(A4)
    on_paper = page.evaluate(INK)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator(".wrong > li").first).to_be_visible()
    assert page.evaluate(SIDEWAYS) <= 0
    assert page.evaluate(INK) == on_paper  # dark on white, whatever the screen is like
    assert page.pdf(format="A4").startswith(b"%PDF")
