"""The life of a day as the project sees it while faults are at work, compared with the truth after every reading.

The day is read live, when it is half over; again just after its end; together with the day before it after the grace;
and once more if it is not settled then. The page size differs from one reading to the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from runs_assets.sandbox.faults import switched_on
from runs_assets.sandbox.faults.fault import Fault
from runs_assets_tests.contract.comparison import Difference, Known, compare, quarantined
from runs_assets_tests.contract.history import BEFORE, DAY, OLDEST
from runs_assets_tests.contract.played import Stage
from runs_assets_tests.contract.truth import Truth, truth_of
from runs_assets_tests.project import failure_of

RIGHT = "lost 0, duplicated 0, stale 0"
SET_ASIDE = "; bad rows set aside"
NOT_SETTLED = "; not settled"
REMEDIES = {
    "ApiChangedError": ("newer version of this project", "platform's support", "Try again later"),
    "UnavailableError": ("Try again later", "Use a smaller page size", "asks to wait until"),
    "PageLimitError": ("Ask for newer days",),
    "RequestRefusedError": ("base URL",),
    "CredentialsError": ("Check ",),
}
"""What a failure of each kind must say is to be done: one of these."""


@dataclass(frozen=True)
class Reading:
    """Days read at an instant, with a page size."""

    at: datetime
    first: date
    page_size: int

    @property
    def days(self) -> Sequence[date]:
        """From the first day to the one whose life it is."""
        return [self.first + timedelta(days=place) for place in range((DAY - self.first).days + 1)]

    @property
    def partitions(self) -> tuple[date, date | None]:
        """One day, or a range."""
        return self.first, None if self.first == DAY else DAY


def _at(days_later: int, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(DAY + timedelta(days=days_later), time(hour, minute), UTC)


LIVE = Reading(_at(0, 15), DAY, 25)
NEXT_DAY = Reading(_at(1, 0, 5), DAY, 15)
NEXT_EVENING = Reading(_at(1, 20, 30), DAY, 15)
AFTER_GRACE = Reading(_at(2, 0, 5), BEFORE, 10)
AFTER_GRACE_ALONE = Reading(_at(2, 0, 5), DAY, 10)
WITH_THE_OLDEST = Reading(_at(2, 0, 5), OLDEST, 10)
LATER = Reading(_at(3, 0, 5), BEFORE, 25)
FULL_LIFE = (LIVE, NEXT_DAY, AFTER_GRACE)
SHORT_LIFE = (LIVE, AFTER_GRACE_ALONE)
LIFE_TO_THE_END_OF_THE_LIST = (LIVE, WITH_THE_OLDEST)
LIFE_WITHIN_GRACE = (LIVE, NEXT_EVENING, AFTER_GRACE)
"""In the evening every run that is listed has ended: only the grace keeps the day from being settled."""


@dataclass
class Life:
    """What came of a day; `differences` is what each reading left to be desired."""

    stage: Stage
    source: str
    differences: list[Difference] = field(default_factory=list)
    failure: str | None = None
    sentence: str = ""
    known: Known = field(default_factory=Known)

    @property
    def verdict(self) -> str:
        """In words; what was wrong although, or after, a reading failed comes after the failure."""
        counts = next((str(found) for found in self.differences if str(found) != RIGHT), RIGHT)
        if self.failure:
            return f"fails: {self.failure}" + (f"; {counts}" if counts != RIGHT else "")
        set_aside = any(quarantined(self.stage.project, self.source, day) for day in self._stored_days())
        return counts + SET_ASIDE * set_aside + NOT_SETTLED * (not self.is_settled)

    def read(self, reading: Reading) -> bool:
        """Read once, and compare all files with what is true; False if it failed, and left all files as they were."""
        self.stage.clock.now = reading.at
        self.stage.set_page_size(self.source, reading.page_size)
        files = self.stage.project.files()
        before = truth_of(self.stage.sandbox, self.source)
        result = self.stage.project.materialize(self.source, *reading.partitions)
        after = truth_of(self.stage.sandbox, self.source)
        self.known.learn(before)
        self.known.learn(after)
        if not result.success:
            self.failure, self.sentence = _checked_failure(result, self.source)
            assert self.stage.project.files() == files, "a failed reading has changed a file"
            return False
        self.differences.append(compare(self.stage.project, self.source, reading.days, before, after, self.known))
        self._check_days(reading, after)
        return True

    @property
    def is_settled(self) -> bool:
        """Whether every stored day says so."""
        return all(self._says(day)["settled"] == "true" for day in self._stored_days())

    def _check_days(self, reading: Reading, truth: Truth) -> None:
        """A day says what it is: complete once read after its end, settled after the grace if no run of it is open.

        Its quarantine holds exactly the rows that cannot be told apart, or have no day.
        """
        for day in reading.days:
            age = reading.at - _at((day - DAY).days + 1, 0)
            runs = self.stage.project.table("runs", self.source, day)
            assert self._says(day)["complete"] == str(age > timedelta(0)).lower()
            is_settled = age > timedelta(days=1) and all(run["is_terminal"] for run in runs)
            assert self._says(day)["settled"] == str(is_settled).lower()
            set_aside = quarantined(self.stage.project, self.source, day)
            assert sorted(map(repr, set_aside)) == sorted(map(repr, truth.bad.get(day, [])))

    def _says(self, day: date) -> Mapping[str, str]:
        return self.stage.project.metadata("failure_rates", self.source, day)

    def _stored_days(self) -> list[date]:
        return self.stage.project.layout.stored_days("failure_rates", self.source)


def _checked_failure(result: dg.ExecuteInProcessResult, source: str) -> tuple[str, str]:
    """The kind of a failure and its sentence, which names the source and says what to do."""
    sentence = failure_of(result)
    data = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert data is not None
    kind = str(data.metadata["kind"].value)
    assert sentence.startswith(f"{source}: reading "), sentence
    assert any(remedy in sentence for remedy in REMEDIES[kind]), sentence
    return kind, sentence


def play(
    stage: Stage,
    source: str,
    faults: Sequence[Fault],
    *,
    readings: Sequence[Reading] = FULL_LIFE,
    is_loud: bool = False,
) -> Life:
    """Play the life of a day with faults at work.

    If they make a reading fail, they are switched off, and the day must become right; where that is expected
    (`is_loud`), they are switched on only after the first reading, so that there are files to keep.
    """
    life = Life(stage, source)
    begins = readings[1] if is_loud else readings[0]
    for reading in (*readings, LATER):
        if reading is LATER and life.is_settled:
            break
        if reading is begins:
            _switch_on(stage, source, faults)
        if not life.read(reading):
            _switch_off(stage, source, faults)
            assert life.read(reading), "the reading fails without the faults"
    assert life.is_settled or not life.failure, "the day is not settled without the faults"
    if not life.failure:
        _check_were_at_work(faults, stage.time.waits)
    return life


def _check_were_at_work(faults: Sequence[Fault], waits: Sequence[float]) -> None:
    """A fault that hits some requests has hit one, and where it asked to wait that was done."""
    assert all(getattr(fault, "hits", 1) for fault in faults)
    asked = [seconds for fault in faults if (seconds := getattr(fault, "wait_seconds", None))]
    assert not asked or len(faults) > 1 or min(waits, default=0) >= asked[0]


def fault_of(source: str, name: str, **parameters: object) -> Fault:
    """A fault of its default, or other, size."""
    fault = switched_on(source, name)
    for parameter, value in parameters.items():
        assert hasattr(fault, parameter)
        setattr(fault, parameter, value)
    return fault


def _switch_on(stage: Stage, source: str, faults: Sequence[Fault]) -> None:
    for fault in reversed(faults):
        stage.sandbox.switch_on(source, fault)


def _switch_off(stage: Stage, source: str, faults: Sequence[Fault]) -> None:
    for fault in faults:
        stage.sandbox.switch_off(source, fault.name)
