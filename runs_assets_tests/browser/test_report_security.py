"""The report runs no script but its own, whatever the platforms call their pipelines."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from runs_assets.report.page import report_page
from runs_assets_tests.browser.chromium import opened_page
from runs_assets_tests.report.stored import SCRIPT, SHOWN_NAMES, small_fleet

pytestmark = pytest.mark.browser

INJECT = """async (elsewhere) => {
    const blocked = [];
    addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.injected = 1";
    const handler = document.createElement("div");
    handler.innerHTML = "<a onclick='window.injected = 2'>x</a>";
    const image = document.createElement("img");
    image.src = elsewhere;
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = elsewhere;
    const frame = document.createElement("iframe");
    frame.src = "https://example.com/";  // to what it could reach, Chromium connects before it asks the policy
    document.body.append(script, handler, image, style, frame);
    handler.firstChild.click();
    await fetch(elsewhere, { signal: AbortSignal.timeout(2000) }).catch(() => {});
    const asked = Date.now();
    while (blocked.length < 6 && Date.now() - asked < 5000) await new Promise((done) => setTimeout(done, 50));
    return [blocked.sort(), "injected" in window];
}"""
BLOCKED = ["connect-src", "frame-src", "img-src", "script-src-attr", "script-src-elem", "style-src-elem"]


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A server that can be reached, and must not be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        yield listener


def test_what_is_injected_is_blocked(chromium: Browser, report_url: str, elsewhere: socket.socket) -> None:
    with opened_page(chromium) as (page, _):
        page.goto(report_url)
        assert page.evaluate(INJECT, f"http://127.0.0.1:{elsewhere.getsockname()[1]}/") == [BLOCKED, False]
        expect(page.locator("th button").first).to_be_visible()  # its own script has run
        with pytest.raises(TimeoutError):
            elsewhere.accept()


@pytest.fixture
def hostile_url(tmp_path: Path) -> str:
    """A report whose names are what an attacker would give."""
    page = tmp_path / "index.html"
    page.write_bytes(report_page(small_fleet(tmp_path / "data"), with_charts=True))
    return page.as_uri()


def test_hostile_names_are_text_and_nothing_of_them_runs(chromium: Browser, hostile_url: str) -> None:
    with opened_page(chromium) as (page, heard):
        page.on("dialog", lambda dialog: heard.errors.append(dialog.message))
        page.goto(hostile_url)
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert {*SHOWN_NAMES.values()} <= {*page.locator("summary h3").all_inner_texts()}
        page.locator("#by-text").fill(SCRIPT)
        expect(page.locator("#fleet tbody tr:visible")).to_have_count(1)
        page.locator("#fleet th[aria-sort] button").first.click()
        page.locator(".wrong").get_by_role("link", name=SCRIPT).click()
        assert page.locator("main script, main img, main b, main u").count() == 0
        assert heard.errors + heard.warnings == []
        assert {url.partition("#")[0] for url in heard.requests if not url.startswith("data:")} == {hostile_url}
