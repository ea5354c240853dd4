"""How chance decides a simulated day: when runs are created, how long they take, whether they fail."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import exp
from random import Random

from runs_assets.sandbox.profiles import BadTime, Pipeline, Profiles

TIE_CHANCE = 0.04
BATCH_CHANCE = 0.5  # per day
BATCH_SIZE = 5


def creations(profiles: Profiles, day: date, volume: float, rng: Random) -> list[tuple[datetime, Pipeline]]:
    """Return a day's creation times with their pipelines, oldest first; some share their second."""
    pipelines = profiles.pipelines
    drawn = [
        (second, place)
        for place, pipeline in enumerate(pipelines)
        for second in _seconds(pipeline, pipeline.expected_runs(day) * volume, rng)
    ]
    drawn.sort()
    seconds = _with_ties([second for second, _ in drawn], rng)
    midnight = datetime.combine(day, time(), UTC)
    created = [
        (midnight + timedelta(seconds=second), pipelines[place])
        for second, (_, place) in zip(seconds, drawn, strict=True)
    ]
    return [
        (at, pipeline) for at, pipeline in created if not any(it.is_silent for it in profiles.episodes(pipeline, at))
    ]


def fails(pipeline: Pipeline, at: datetime, incidents: Sequence[BadTime], rng: Random) -> bool:
    """Return whether a run that starts then fails: by its pipeline's usual rate, or by an incident's."""
    rate = pipeline.usual_failure_rate(at.date())
    return rng.random() < max([rate, *(incident.rate_of(pipeline, at) for incident in incidents)])


def duration(pipeline: Pipeline, rng: Random, *, failed: bool) -> timedelta:
    """Return how long a run takes, in whole seconds; a failed one often ends early."""
    seconds = pipeline.median_seconds * exp(rng.gauss(0, pipeline.spread))
    return whole_seconds(seconds * (rng.random() if failed else 1))


def whole_seconds(seconds: float) -> timedelta:
    """Return a span of whole seconds, at least one."""
    return timedelta(seconds=max(1, round(seconds)))


def _seconds(pipeline: Pipeline, expected: float, rng: Random) -> list[int]:
    """The creation times of a pipeline's runs of a day: by chance, or in the middle of each of its spans."""
    if pipeline.every_minutes is None:
        return [_second_of_day(pipeline, rng) for _ in range(_count(expected, rng))]
    return list(range(pipeline.every_minutes * 30, 24 * 3600, pipeline.every_minutes * 60))


def _count(expected: float, rng: Random) -> int:
    varied = expected * rng.uniform(0.85, 1.15)
    return int(varied + rng.random())


def _second_of_day(pipeline: Pipeline, rng: Random) -> int:
    (hour,) = rng.choices(range(24), pipeline.hours)
    second = rng.choice((0, 900, 1800, 2700)) if pipeline.on_the_quarter else rng.randrange(3600)
    return hour * 3600 + second


def _with_ties(seconds: list[int], rng: Random) -> list[int]:
    """Let some runs share the second of the run before, and now and then a batch share one second."""
    for place in range(1, len(seconds)):
        if rng.random() < TIE_CHANCE:
            seconds[place] = seconds[place - 1]
    if len(seconds) >= BATCH_SIZE and rng.random() < BATCH_CHANCE:
        first = rng.randrange(len(seconds) - BATCH_SIZE + 1)
        seconds[first : first + BATCH_SIZE] = [seconds[first]] * BATCH_SIZE
    return seconds
