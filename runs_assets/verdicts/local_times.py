"""What the clock on a pipeline's wall shows when it runs, and where that wall is.

Wall-clock times are microseconds like those since the epoch, read as local time: an hour of the week is the same number
modulo a week before and after the clocks change.
"""

from collections.abc import Iterator
from datetime import UTC, date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, HOUR_US, SECOND_US, day_of_us, from_us, start_of, to_us
from runs_assets.verdicts.source_history import BASELINE_DAYS

Instants = NDArray[np.int64]

DEFAULT_ZONE = ZoneInfo("UTC")
FOUND_ZONES = (ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"))
"""One zone for each calendar of clock changes that is looked for: which other zone shares it makes no difference."""
MONTH_US = BASELINE_DAYS * DAY_US
LEAST_AFTER_US = 7 * DAY_US
"""For how long a pipeline must have run after a change: each weekday once, microseconds."""
CLOSE_US = 15 * 60 * SECOND_US
"""How far from its time a run is at the same time, microseconds: far less than the hour by which clocks change."""
SAME_SHARE, MARGIN = 0.8, 0.05
"""How many runs are at the same local time, at least, and how many more than at the same UTC."""


def wall_clock(instants: Instants, zone: ZoneInfo) -> Instants:
    """The wall-clock times in a zone of instants in order; those that the clock shows twice stay in order."""
    if zone is DEFAULT_ZONE or not len(instants):
        return instants
    changes, offsets = _offsets(zone, day_of_us(int(instants[0])), day_of_us(int(instants[-1])))
    return np.maximum.accumulate(instants + offsets[np.searchsorted(changes, instants, side="right")])


def instant_of(wall_us: int, zone: ZoneInfo) -> int:
    """When the clock of a zone shows a time, the later instant where it does so twice or never; microseconds."""
    shown = from_us(wall_us).replace(tzinfo=zone)
    return max(to_us(shown.replace(fold=fold).astimezone(UTC)) for fold in (0, 1))


def zone_of(created: Instants) -> ZoneInfo:
    """The zone of `FOUND_ZONES` in which a pipeline keeps its hours, by the instants of its runs, in order.

    That shows where the clocks changed a week or more ago, and in the days read: at least 80 % of the runs of up to 28
    days from then on have one 28 days before at the same local time, and fewer have one at the same UTC. Else UTC, of
    which the tolerance of 90 minutes covers the hour of a change.
    """
    for zone in FOUND_ZONES if len(created) else ():
        for change_us in _changes_within(created, zone):
            local, utc = (_share_at_same_time(created, where, change_us) for where in (zone, DEFAULT_ZONE))
            if local >= SAME_SHARE and local > utc + MARGIN:
                return zone
    return DEFAULT_ZONE


def _changes_within(created: Instants, zone: ZoneInfo) -> Iterator[int]:
    """The changes of the clocks before and after which enough is known, the newest first."""
    first_us, last_us = int(created[0]), int(created[-1])
    changes, _ = _offsets(zone, day_of_us(first_us), day_of_us(last_us))
    return (at for at in reversed(changes.tolist()) if first_us + MONTH_US <= at <= last_us - LEAST_AFTER_US)


def _share_at_same_time(created: Instants, zone: ZoneInfo, change_us: int) -> float:
    """How many of the runs of 28 days from a change on have one in the 28 days before it, at the same time."""
    wall = wall_clock(created, zone)
    edges = np.searchsorted(created, [change_us - MONTH_US, change_us, change_us + MONTH_US])
    before, after = wall[edges[0] : edges[1]], wall[edges[1] : edges[2]] - MONTH_US
    if not len(before) or not len(after):
        return 0.0
    places = np.searchsorted(before, after)
    nearest = np.minimum(
        np.abs(before[np.minimum(places, len(before) - 1)] - after), np.abs(before[np.maximum(places - 1, 0)] - after)
    )
    return float((nearest <= CLOSE_US).mean())


@lru_cache(maxsize=64)
def _offsets(zone: ZoneInfo, first: date, last: date) -> tuple[Instants, Instants]:
    """When the offset from UTC changes from the first day to the last, and the offsets before, between and after."""
    hours = np.arange(to_us(start_of(first)), to_us(start_of(last)) + 2 * DAY_US, HOUR_US)
    days = [_offset_us(int(hour), zone) for hour in hours[::24]]
    changes, offsets = [], days[:1]
    for place in np.flatnonzero(np.diff(days)).tolist():
        of_day = [_offset_us(int(hour), zone) for hour in hours[24 * place : 24 * place + 25]]
        changes.append(int(hours[24 * place + int(np.flatnonzero(np.diff(of_day))[0]) + 1]))
        offsets.append(days[place + 1])
    return np.array(changes, np.int64), np.array(offsets, np.int64)


def _offset_us(instant_us: int, zone: ZoneInfo) -> int:
    offset = from_us(instant_us).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)
