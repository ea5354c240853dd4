"""The rules of WCAG 2.2 AA, as far as axe-core can tell."""

from collections.abc import Sequence

from playwright.sync_api import Page

from runs_assets_tests.readme import ROOT

AXE = ROOT / ".ci" / "node_modules" / "axe-core" / "axe.min.js"
WCAG_AA = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
RUN = """async ([within, only]) => {
    const found = await axe.run(within, { runOnly: only, resultTypes: ["violations"] });
    return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} ${node.failureSummary}`));
}"""


def violations(page: Page, only: Sequence[str] = WCAG_AA, within: str = "html") -> list[str]:
    """What breaks the rules (tags, or names of rules), with the element; its context must not obey the page's policy."""
    assert AXE.exists(), "the tests of accessibility need axe-core; .ci/browser installs it"
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(RUN, [within, list(only)])
    return found
