"""One small fleet for all tests of the page, which only read it."""

import pytest

from runs_assets.insight.fleet import Fleet
from runs_assets.report.page import report_page
from runs_assets_tests.report.reading import Element, parsed
from runs_assets_tests.report.stored import small_fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return small_fleet(tmp_path_factory.mktemp("report") / "data")


@pytest.fixture(scope="session")
def content(fleet: Fleet) -> bytes:
    return report_page(fleet, with_charts=True)


@pytest.fixture(scope="session")
def page(content: bytes) -> Element:
    return parsed(content)
