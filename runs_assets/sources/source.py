"""What a source is: one registered account of one platform, and everything that differs between sources."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from runs_assets.errors import SettingsError
from runs_assets.names import Names
from runs_assets.normalizing.columns import RawRows
from runs_assets.normalizing.row_shape import RowShape
from runs_assets.reasons.reason import Explanations
from runs_assets.settings import PREFIX, EnvironmentSettings, fingerprint, is_present
from runs_assets.settling.reach import Capabilities
from runs_assets.storage.layout import Layout, checked_source_name

if TYPE_CHECKING:
    from runs_assets.reading.request import RunsClient

Normalizer = Callable[[RawRows], pa.Table]
"""Raw rows -> a table with the schema of `runs_assets.normalizing.runs_table.RUNS_SCHEMA`."""


@dataclass(frozen=True)
class RunsApi(ABC):
    """A platform's API, as one account sees it.

    It holds only the kind of its settings and the prefix of their names, so that no value can end up in a snapshot,
    a log or a repr.
    """

    settings: ClassVar[type[EnvironmentSettings]] = EnvironmentSettings
    settings_prefix: str

    @abstractmethod
    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> "RunsClient":
        """A client for use in a `with` block. Raises `SettingsError` naming what is missing or wrong."""

    @property
    def fingerprint(self) -> str:
        """Changes with the settings, so that what failed before can be tried again at once."""
        return fingerprint([self.settings_prefix, PREFIX])

    @property
    def capabilities(self) -> Capabilities:
        """What can be requested: unless a platform overrides it, any day, and no run by its id.

        Raises `SettingsError` if a setting decides it and is wrong. Where runs can be asked for by id, `client` gives
        a `SingleRunClient`.
        """
        return Capabilities()

    def missing(self, field: str, what: str) -> SettingsError:
        """The error for a setting that is not set; `what` has to be put there."""
        return SettingsError(f"{self.settings_prefix}{field} is not set. Put {what} into .env or the environment.")


@dataclass(frozen=True)
class Source:
    """One account. `name` is part of its asset keys and of its files' paths.

    `normalizer_version` is raised whenever `normalize` gives other rows for the same raw ones. `needs` lists
    alternative sets of variables, one of which must be set for the source to work. `explanations` map exit codes and
    errors to reasons. `run_tags` are those of the runs of its daily job, such as the queue of their workers. `names`
    are set by `definitions_of`.
    """

    name: str
    platform: str
    api: RunsApi
    shape: RowShape
    normalize: Normalizer
    normalizer_version: str
    needs: tuple[tuple[str, ...], ...]
    explanations: Explanations = field(default_factory=Explanations)
    run_tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    names: Names = field(default_factory=Names)

    def __post_init__(self) -> None:
        checked_source_name(self.name)

    @property
    def is_configured(self) -> bool:
        """Whether the variables that it needs are set; their values are not looked at."""
        return any(is_present(names) for names in self.needs)

    @property
    def what_it_needs(self) -> str:
        """The names of those variables."""
        return " or ".join(" and ".join(names) for names in self.needs)

    @property
    def full_name(self) -> str:
        """Its name in Dagster: its group and its resource, and the beginning of what else is its own."""
        return self.names.of(self.name)

    @property
    def job_name(self) -> str:
        """The job that holds the source's four daily assets."""
        return f"{self.full_name}_daily"

    @property
    def checks_job_name(self) -> str:
        """The job that holds the source's checks alone."""
        return f"{self.full_name}_checks"

    def path(self, data_set: str) -> list[str]:
        """The path of the asset key of one of its data sets."""
        return self.names.path(self.name, data_set)
