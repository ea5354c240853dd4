"""What is stored of a day: whether its reading was complete, and whether all its tables follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from runs_assets.errors import NotStoredError, StorageError
from runs_assets.settling.rules import Rules
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.raw import RawDay, stat_day, verify_raw
from runs_assets.storage.tables import Lineage, load_lineage

Versions = Mapping[str, str]
"""The present code version of each daily table, by name."""


@dataclass(frozen=True)
class DayState:
    """A day as the files have it.

    `raw` is None if the day was never read, or if what was stored can no longer be read (then `damage` says why).
    `tables` is what the day's tables were built from, None if there are none. `is_behind` is whether any of them is not
    built from the newest reading, by the present code and rules.
    """

    day: date
    raw: RawDay | None = None
    damage: str | None = None
    tables: Lineage | None = None
    is_behind: bool = False

    def is_settled(self, rules: Rules) -> bool:
        """Whether the day was settled by its newest reading, as far as the tables have followed it."""
        if self.raw is None or self.tables is None or self.is_behind:
            return False
        return rules.is_settled(self.day, self.raw.read, self.tables.open_runs)


def day_state(layout: Layout, source: str, day: date, versions: Versions, rules: Rules) -> DayState:
    """The state of a day, from the trailer of its raw file and the schemas of its tables."""
    try:
        raw = stat_day(layout.day_file(RAW_RUNS, source, day))
    except NotStoredError:
        return DayState(day)
    except StorageError as error:
        return DayState(day, damage=str(error))
    found = {dataset: _lineage(layout, dataset, source, day) for dataset in versions}
    is_behind = any(not follows(lineage, raw, day, versions[dataset], rules) for dataset, lineage in found.items())
    return DayState(day, raw, tables=next(iter(found.values())), is_behind=is_behind)


def verified(state: DayState, layout: Layout, source: str) -> DayState:
    """The state with every byte of the raw file verified, which `day_state` does not do."""
    why = verify_raw(layout.day_file(RAW_RUNS, source, state.day)) if state.raw else None
    return DayState(state.day, damage=why) if why else state


def follows(lineage: Lineage | None, raw: RawDay, day: date, version: str, rules: Rules) -> bool:
    """Whether a table was built from the newest reading, by the present code and rules."""
    return (
        lineage is not None
        and lineage.read == raw.read
        and lineage.code_version == version
        and lineage.settled == rules.is_settled(day, raw.read, lineage.open_runs)
    )


def _lineage(layout: Layout, dataset: str, source: str, day: date) -> Lineage | None:
    """None where there is no table, or none that can be read: both are mended by building it again."""
    try:
        return load_lineage(layout, dataset, source, day)
    except StorageError:
        return None
