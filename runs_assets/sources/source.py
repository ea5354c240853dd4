"""What a source is: one registered account of one platform, and everything that differs between sources."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from runs_assets.settings import is_present
from runs_assets.sources.raw_rows import RawRows
from runs_assets.sources.reading import RunsClient
from runs_assets.sources.rows import RowShape
from runs_assets.storage.layout import Layout, checked_source_name

Normalizer = Callable[[RawRows], pa.Table]
"""Raw rows -> a table with the schema `runs_assets.schema.RUNS`."""


class RunsApi(dg.ConfigurableResource[Any], ABC):
    """The resource that wraps a platform's client.

    It carries only the prefix of its settings' names, so that no value can end up in a snapshot, a log or a repr.
    """

    settings_prefix: str

    @abstractmethod
    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> RunsClient:
        """A client for use in a `with` block. Raises `SettingsError` naming what is missing or wrong."""


@dataclass(frozen=True)
class Source:
    """One account. `name` is the first part of its asset keys and part of its files' paths.

    `normalizer_version` changes whenever `normalize` gives other rows for the same raw ones. `needs` lists alternative
    sets of variables, one of which must be set for the source to work.
    """

    name: str
    platform: str
    api: RunsApi
    shape: RowShape
    normalize: Normalizer
    normalizer_version: str
    needs: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        checked_source_name(self.name)

    @property
    def is_configured(self) -> bool:
        """Whether the variables that it needs are set; their values are not looked at."""
        return any(is_present(names) for names in self.needs)

    @property
    def job_name(self) -> str:
        """The job that holds the source's four daily assets."""
        return f"{self.name}_daily"


def default_prefix(name: str) -> str:
    """The prefix of an account's settings: `cloudcruise_eu` reads `CLOUDCRUISE_EU_*`."""
    return f"{name.upper()}_"
