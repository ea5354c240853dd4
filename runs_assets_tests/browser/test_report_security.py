"""The report runs no script but its own, whatever the platforms call their pipelines."""

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from runs_assets_tests.browser.chromium import opened_page

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
    await fetch(elsewhere).catch(() => {});
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
