"""No violation of WCAG 2.2 AA that axe-core finds, light and dark, with everything closed and everything open."""

import pytest
from playwright.sync_api import Browser

from runs_assets_tests.browser.axe import WCAG_AA, violations
from runs_assets_tests.browser.chromium import opened_page
from runs_assets_tests.browser.test_report import open_all

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("scheme", "rules"), [("light", WCAG_AA), ("dark", ["color-contrast"])])
def test_it_keeps_to_the_rules(chromium: Browser, report_url: str, scheme: str, rules: list[str]) -> None:
    with opened_page(chromium, color_scheme=scheme, bypass_csp=True) as (page, _):
        page.goto(report_url)
        assert violations(page, rules) == []
        open_all(page)
        assert violations(page, rules) == []


def test_a_fault_would_be_found(chromium: Browser, report_url: str) -> None:
    with opened_page(chromium, bypass_csp=True) as (page, _):
        page.goto(report_url)
        page.locator("#as-of").evaluate("one => { one.style.color = 'silver'; }")
        page.locator("#by-text").evaluate("one => one.closest('label').replaceWith(one)")
        found = violations(page, within="header") + violations(page, within="#tools")
        assert {one.partition(":")[0] for one in found} == {"color-contrast", "label"}
