"""What is stored of a day: whether its reading was complete, and whether all its tables follow from it."""

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from runs_assets.settling.rules import Rules
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.ledger import BuiltTable, Rows
from runs_assets.storage.raw import RawDay, verify_raw

Versions = Mapping[str, str]
"""The present code version of each daily table, by name."""


class DayState(msgspec.Struct, frozen=True, gc=False):
    """A day as the files have it.

    `raw` is None if the day was never read, or if what was stored can no longer be read (then `damage` says why).
    `tables` is what the day's tables were built from, None if there are none. `is_behind` is whether any of them is not
    built from the newest reading, by the present code and rules.
    """

    day: date
    raw: RawDay | None = None
    damage: str | None = None
    tables: BuiltTable | None = None
    is_behind: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether the day was settled by its newest reading, as far as the tables have followed it."""
        return self.raw is not None and self.tables is not None and not self.is_behind and self.tables.settled


def day_states(rows: Rows, versions: Versions, rules: Rules) -> Iterator[DayState]:
    """The states of some days, from their rows in the ledger, in the same order."""
    first = next(iter(versions))
    behind: dict[tuple[int, bool], bool] = {}  # most days share one object that says what their tables are
    for day, row in rows.items():
        if row.raw is None:
            yield DayState(day, damage=row.damage)
            continue
        tables, saw_late_runs = row.tables, rules.saw_late_runs(day, row.raw.read)
        kind = (id(tables), saw_late_runs)
        if kind not in behind:
            behind[kind] = not all(follows(tables.get(name), own, saw_late_runs) for name, own in versions.items())
        yield DayState(day, row.raw, tables=tables.get(first), is_behind=behind[kind])


def verified(state: DayState, layout: Layout, source: str) -> DayState:
    """The state with every byte of the raw file verified, which `day_states` does not do."""
    why = verify_raw(layout.day_file(RAW_RUNS, source, state.day)) if state.raw else None
    return DayState(state.day, damage=why) if why else state


def follows(table: BuiltTable | None, version: str, saw_late_runs: bool) -> bool:
    """Whether a table was built from the newest reading, by the present code and rules."""
    return (
        table is not None
        and table.read is None
        and table.code_version == version
        and table.settled == (saw_late_runs and table.open_runs == 0)
    )
