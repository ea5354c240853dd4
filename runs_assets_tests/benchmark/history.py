"""Made-up runs, serialized once: rows of the size and with the fields of the vendors' own example pages.

A row's id is shaped like a UUID whose last part is the row's number within its day, counted from 0 in order of
creation: so whoever has read a day can be checked for lost and repeated rows without a list of what was served.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAY_SECONDS = 86_400
PIPELINES = 40
SEED = 20_250_301

Texts = list[str]
RowMaker = Callable[["_Drawn"], Iterator[str]]


class History:
    """Runs of some days, newest first; any page is a few slices of what each day was serialized to, once."""

    def __init__(self, source: str, days: Mapping[date, int], kept_days: int | None = None) -> None:
        """`days` says how many runs each UTC day has. With `kept_days`, each is serialized when it is asked for, and only so many are held."""
        self._make = _ROWS[source]
        self._days = sorted(days.items(), reverse=True)
        self._ends = [0, *accumulate(count for _, count in self._days)]
        self._day = lru_cache(kept_days)(self._serialized)
        if kept_days is None:
            for number in range(len(self._days)):
                self._day(number)

    def __len__(self) -> int:
        return self._ends[-1]

    def first_before(self, second: int) -> int:
        """The index of the newest row created strictly before `second` (seconds since the epoch)."""
        for number, (day, _) in enumerate(self._days):
            if _midnight(day) < second:
                return self._ends[number] + self._day(number).first_before(second)
        return len(self)

    def page(self, first: int, last: int) -> bytes:
        """The JSON of the rows [first, last), separated by commas."""
        parts = []
        for number, (begin, end) in enumerate(pairwise(self._ends)):
            if first < end and last > begin:
                parts.append(self._day(number).page(max(first, begin) - begin, min(last, end) - begin))
        return b",".join(parts)

    def _serialized(self, number: int) -> "_Day":
        day, count = self._days[number]
        drawn = _Drawn.of(day, count, np.random.default_rng([SEED, day.toordinal()]))
        rows = list(self._make(drawn))
        starts = np.concatenate([[0], np.cumsum(np.fromiter(map(len, rows), np.int64, count) + 1)])
        return _Day(memoryview(",".join(rows).encode()), -drawn.created, starts)


@dataclass(frozen=True)
class _Day:
    """Row i is `body[starts[i] : starts[i + 1] - 1]`, its creation time `-ages[i]`, ascending, as a binary search needs."""

    body: memoryview
    ages: NDArray[np.int64]
    starts: NDArray[np.int64]

    def first_before(self, second: int) -> int:
        return int(np.searchsorted(self.ages, -second, side="right"))

    def page(self, first: int, last: int) -> memoryview:
        return self.body[self.starts[first] : self.starts[last] - 1]


@dataclass(frozen=True)
class _Drawn:
    """What chance decided for the runs of a day, newest first; times are seconds since the epoch."""

    ids: Texts
    others: Texts
    created: NDArray[np.int64]
    started: NDArray[np.int64]
    finished: NDArray[np.int64]
    pipelines: list[int]
    fates: list[float]

    @classmethod
    def of(cls, day: date, count: int, rng: np.random.Generator) -> "_Drawn":
        midnight = _midnight(day)
        created = midnight + np.sort(rng.integers(0, DAY_SECONDS, count))[::-1]
        started = created + rng.integers(1, 30, count)
        finished = started + rng.lognormal(4, 1, count).astype(np.int64) + 1
        numbers = range(count - 1, -1, -1)
        return cls(
            ids=uuids(numbers, rng),
            others=uuids(numbers, rng),
            created=created,
            started=started,
            finished=finished,
            pipelines=rng.integers(0, PIPELINES, count).tolist(),
            fates=rng.random(count).tolist(),
        )


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_SECONDS


def uuids(numbers: Sequence[int], rng: np.random.Generator) -> Texts:
    """Ids shaped like UUIDs, each of which ends with its number."""
    heads = rng.bytes(10 * len(numbers)).hex()
    cuts = pairwise(range(0, len(heads) + 1, 20))
    return [
        f"{heads[a : a + 8]}-{heads[a + 8 : a + 12]}-{heads[a + 12 : a + 16]}-{heads[a + 16 : b]}-{number:012x}"
        for (a, b), number in zip(cuts, numbers, strict=True)
    ]


def _times(seconds: NDArray[np.int64]) -> Texts:
    """As `YYYY-MM-DDThh:mm:ss`, without an offset."""
    texts: Texts = np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()
    return texts


def _pipeline_ids() -> Texts:
    return uuids(range(PIPELINES), np.random.default_rng(SEED))


def _cloudcruise_rows(drawn: _Drawn) -> Iterator[str]:
    workflows = _pipeline_ids()
    times = (_times(drawn.created), _times(drawn.started), _times(drawn.finished))
    for key, pipeline, fate, created, started, ended in zip(
        drawn.ids, drawn.pipelines, drawn.fates, *times, strict=True
    ):
        status, start, end = _cloudcruise_end(fate, f'"{started}Z"', f'"{ended}Z"')
        yield (
            f'{{"session_id":"{key}","status":"execution.{status}","created_at":"{created}Z",'
            f'"workflow_id":"{workflows[pipeline]}","workspace_id":"{workflows[0]}",'
            f'"execution_start":{start},"execution_end":{end},"dry_run":{"true" if pipeline == 1 else "false"}}}'
        )


def _cloudcruise_end(fate: float, started: str, ended: str) -> tuple[str, str, str]:
    """Status, start and end: 90 % succeed, 7 % fail, 2 % are stopped before they begin, 1 % still run."""
    if fate < 0.90:
        return "success", started, ended
    if fate < 0.97:
        return "failed", started, ended
    return ("stopped", "null", ended) if fate < 0.99 else ("start", started, "null")


def _productsup_rows(drawn: _Drawn) -> Iterator[str]:
    connectors = _pipeline_ids()
    hour = 3_600  # the platform prints these two times in another offset than the first
    times = (_times(drawn.created), _times(drawn.started + hour), _times(drawn.finished + hour))
    for key, process, number, fate, created, started, ended in zip(
        drawn.ids, drawn.others, drawn.pipelines, drawn.fates, *times, strict=True
    ):
        state, exit_code, finished = _productsup_end(fate, f'"{ended}+01:00"')
        yield (
            f'{{"id":"{key}","connector-id":"{connectors[number]}","connector-version":"2.{number}.0",'
            f'"state":"{state}","process-id":"{process}","site-id":{1000 + number},"site-name":"Site {number}",'
            f'"project-id":{300 + number},"project-name":"Project {number}","account-id":600,'
            f'"account-name":"Account 1","exit-code":{exit_code},"container-api-docker-image":null,'
            f'"container-api-version-constraint":null,{_SENSITIVE if fate < 0.02 else _NOT_SENSITIVE},'
            f'"started-at":"{started}+01:00","finished-at":{finished},"created-at":"{created}+00:00"}}'
        )


def _productsup_end(fate: float, ended: str) -> tuple[str, str, str]:
    """State, exit code and end: 92 % finish, 7 % fail, 1 % still run."""
    if fate < 0.92:
        return "finished", "0", ended
    return ("failed", "1", ended) if fate < 0.99 else ("running", "null", "null")


_NOT_SENSITIVE = '"cli-command":null,"registered-secrets":null,"authentications":null,"connector-setup-config":null'
_SENSITIVE = (
    '"cli-command":"run --site 1001","registered-secrets":[{"name":"made-up","value":"made-up"}],'
    '"authentications":{"kind":"basic"},"connector-setup-config":{"depth":2}'
)
_ROWS: dict[str, RowMaker] = {"cloudcruise": _cloudcruise_rows, "productsup": _productsup_rows}


def numbers_of(ids: Sequence[Any]) -> NDArray[np.int64]:
    """The row numbers that stand in these ids."""
    return np.fromiter((int(key[-12:], 16) for key in ids), np.int64, len(ids))
