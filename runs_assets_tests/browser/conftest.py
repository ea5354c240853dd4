"""Debian's Chromium, driven by playwright; the story is told once for all tests."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from runs_assets_tests.browser.story import Story, dagster_page, told_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if not find_spec("playwright"):
    collect_ignore_glob = ["test_*.py"]  # the end of pytest's output says so


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    from runs_assets_tests.browser.chromium import started_chromium  # noqa: PLC0415

    with started_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with told_story(tmp_path_factory.mktemp("story")) as told:
        yield told


@pytest.fixture(scope="session")
def dagster_url(story: Story) -> Iterator[str]:
    with dagster_page(story) as url:
        yield url


@pytest.fixture(scope="session")
def report_url(story: Story) -> str:
    """The address that the command prints, without a server."""
    url = story.output("report").split()[-1]
    assert url.startswith("file:///")
    return url
