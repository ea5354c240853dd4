"""A receiver for each test, and a folder for what is remembered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runs_assets.storage.layout import Layout
from runs_assets_tests.alerts.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "data")
