"""The Dagster resources: the data folder, the clock, and each source's API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import dagster as dg

from runs_assets.days import utc_now
from runs_assets.errors import RunsAssetsError
from runs_assets.names import Names
from runs_assets.settings import project_settings
from runs_assets.settling.reach import Reach
from runs_assets.settling.rules import Rules
from runs_assets.sources.source import RunsApi, Source
from runs_assets.storage.folder import empty_scratch
from runs_assets.storage.layout import RAW_RUNS, Layout


class DataFolder(dg.ConfigurableResource[Any]):
    """The folder of `RUNS_ASSETS_DATA`, looked up when a run asks for it."""

    @property
    def layout(self) -> Layout:
        """The paths below the folder, absolute."""
        return Layout(project_settings().data)

    @property
    def first_day(self) -> date:
        """The first UTC day that may be stored (`RUNS_ASSETS_FIRST_DAY`)."""
        return project_settings().first_day

    def first_partition(self, source: Source, now: datetime) -> date:
        """The first day that a source is shown to have.

        Unless `RUNS_ASSETS_FIRST_DAY` is set, that is where the history begins of a source whose API forgets: its
        oldest stored day, or before that, what can be asked for at `now` (aware UTC). An earlier day could never be
        filled. What cannot be found out for a faulty setting or folder is told by what needs it, and not here.
        """
        settings = project_settings()
        if "first_day" in settings.model_fields_set:
            return settings.first_day
        try:
            in_reach = Reach(now, settings.first_day, source.api.capabilities.retention).days
            oldest = self.layout.stored_days(RAW_RUNS, source.name)[:1]
        except RunsAssetsError:
            return settings.first_day
        return max(settings.first_day, min([*oldest, *([in_reach.first] if in_reach else [])], default=date.min))

    @property
    def rules(self) -> Rules:
        """When a day counts as settled, and when it is read again."""
        return Rules.of(project_settings())

    @contextmanager
    def writing(self, source: str, report: Callable[[str], None]) -> Iterator[Layout]:
        """The right to write a source's files, one process at a time; raises `BusyError`."""
        layout = self.layout
        with layout.lock_file(source).held(source, report=report):
            empty_scratch(layout.scratch(source))
            yield layout


class Clock(dg.ConfigurableResource[Any]):
    """The time, as a resource so that tests can stop it."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return utc_now()


SHARED = ("data_folder", "clock")
"""The names of the resources that are no source's, a `DataFolder` and a `Clock`."""


def keys_of_shared(names: Names) -> set[str]:
    """The keys of these two resources, for what requires them."""
    return {names.of(name) for name in SHARED}


def shared_resources(resources: Any, names: Names) -> tuple[DataFolder, Clock]:
    """These two of a context's `resources`."""
    data_folder, clock = (getattr(resources, names.of(name)) for name in SHARED)
    return data_folder, clock


def api_of(resources: Any, source: Source) -> RunsApi:
    """The source's API among a context's `resources`."""
    api: RunsApi = getattr(resources, source.full_name)
    return api


def api_resource(source: Source) -> dg.ResourceDefinition:
    """The source's `RunsApi`, from which assets and checks get a client.

    Not a `ConfigurableResource`: the API reads its settings when a client is made, so it has no config to show.
    """
    return dg.ResourceDefinition.hardcoded_resource(
        source.api, description=f"The runs of {source.name}, read with the settings {source.what_it_needs}."
    )
