"""A browser that reaches no host but this one, and what its pages ask for and complain of."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

NO_HOST_BUT_LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
WIDE = {"width": 1500, "height": 1000}
PATIENCE_MS = 20_000.0

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Heard:
    """What a page has asked the network for, and what it has complained of, since it was opened."""

    requests: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)
        if message.type == "warning":
            self.warnings.append(message.text)


@contextmanager
def started_chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    assert executable, "the tests in a browser need Debian's package chromium; .ci/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[NO_HOST_BUT_LOOPBACK])
        yield browser
        browser.close()


@contextmanager
def opened_page(browser: Browser, **options: Any) -> Iterator[tuple[Page, Heard]]:
    """An empty page in a context of its own, in UTC unless told otherwise."""
    with opened_context(browser, **options) as context:
        yield listened_to(context.new_page())


@contextmanager
def opened_context(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """What pages share, such as the scripts that they have loaded."""
    context = browser.new_context(**{"viewport": WIDE, "timezone_id": "UTC", "locale": "en-GB", **options})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def listened_to(page: Page) -> tuple[Page, Heard]:
    """The page, with what is heard of it from now on."""
    heard = Heard()
    page.on("request", lambda request: heard.requests.append(request.url))
    page.on("console", heard.note)
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    return page, heard
