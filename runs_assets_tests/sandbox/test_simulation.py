"""The simulated history as a whole; its two platforms have files of their own."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from runs_assets.sandbox import FrozenClock, SimulatedHistory, simulated_cloudcruise, simulated_productsup
from runs_assets.sandbox.simulation import TERMINAL, Truth
from runs_assets_tests.sandbox.asking import NOW, Asker

BOTH = pytest.mark.parametrize("simulated", [simulated_cloudcruise, simulated_productsup])
Simulated = Callable[..., SimulatedHistory]


@BOTH
def test_two_instances_tell_the_same_past(simulated: Simulated) -> None:
    one, other = simulated(volume=0.1), simulated(volume=0.1)
    other.visible(NOW - timedelta(days=9))  # what was asked before does not matter
    assert list(one.visible(NOW)) == list(other.visible(NOW))
    assert one.truth(NOW) == other.truth(NOW)


@BOTH
def test_a_day_is_the_same_however_much_history_is_around_it(simulated: Simulated) -> None:
    short, long = simulated(days=1, volume=0.1), simulated(days=20, volume=0.1)
    assert short.truth(NOW) == long.truth(NOW)[: len(short.truth(NOW))]


@BOTH
def test_another_seed_is_another_past(simulated: Simulated) -> None:
    assert not ids(simulated(volume=0.1, seed=1)) & ids(simulated(volume=0.1, seed=2))


@BOTH
def test_the_history_reaches_back_as_many_days_as_asked(simulated: Simulated) -> None:
    days = {truth["created_at"].date() for truth in simulated(days=3, volume=0.5).truth(NOW)}
    assert sorted(day.isoformat() for day in days) == ["2026-03-15", "2026-03-16", "2026-03-17", "2026-03-18"]


@BOTH
def test_a_run_is_visible_from_the_second_of_its_creation(simulated: Simulated) -> None:
    history = simulated(days=1)
    newest = history.runs(NOW)[0]
    assert newest.run_id in {run.run_id for run in history.runs(newest.created_at)}
    earlier = history.runs(newest.created_at - timedelta(seconds=1))
    assert newest.run_id not in {run.run_id for run in earlier}
    assert all(run.created_at < newest.created_at for run in earlier)


@BOTH
def test_rows_are_newest_first_and_some_share_their_second(simulated: Simulated) -> None:
    times = [row.created_at for row in simulated(days=14).visible(NOW)]
    assert times == sorted(times, reverse=True)
    sizes = Counter(Counter(times).values())
    assert max(sizes) >= 5
    assert sizes[2] > 10


@BOTH
def test_ids_are_unique_and_unmistakable(simulated: Simulated) -> None:
    history = simulated(days=14)
    found = [run.run_id for run in history.runs(NOW)]
    assert len(set(found)) == len(found)
    assert all(run_id.endswith("5a4db0c5") and len(run_id) == 36 for run_id in found)
    assert all((truth["pipeline_id"] or "").endswith("5a4db0c5") for truth in history.truth(NOW))


@BOTH
def test_every_time_lies_on_a_whole_second_and_in_order(simulated: Simulated) -> None:
    for run in simulated(volume=0.5).runs(NOW):
        times = [step.at for step in run.steps]
        assert all(when.microsecond == 0 and when.tzinfo is UTC for when in times)
        assert all(earlier < later for earlier, later in pairwise(times))


@BOTH
def test_some_runs_are_open_at_every_hour(simulated: Simulated) -> None:
    history = simulated(days=4)
    for hour in range(0, 72, 5):
        truths = history.truth(NOW + timedelta(hours=hour))
        assert any(not truth["is_terminal"] for truth in truths)


@BOTH
def test_every_run_ends_within_four_days(simulated: Simulated) -> None:
    assert all(
        truth["is_terminal"] for truth in simulated(days=9).truth(NOW) if truth["created_at"] < NOW - timedelta(days=4)
    )


@pytest.mark.parametrize(("simulated", "expected"), [(simulated_cloudcruise, 250), (simulated_productsup, 200)])
def test_the_volume_is_about_what_is_documented_and_can_be_scaled(simulated: Simulated, expected: int) -> None:
    end = NOW.replace(hour=23, minute=59, second=59)
    assert len(simulated(days=27).runs(end)) / 28 == pytest.approx(expected, rel=0.15)
    assert len(simulated(days=27, volume=0.1).runs(end)) / 28 == pytest.approx(expected / 10, rel=0.2)


@BOTH
def test_any_fortnight_holds_a_day_that_fails_far_more_than_usual(simulated: Simulated) -> None:
    history = simulated(days=14)
    for later in range(0, 40, 8):
        now = NOW + timedelta(days=later)
        rates = failure_rates_by_day(history.truth(now), since=now - timedelta(days=14))
        usual = sorted(rates)[len(rates) // 2]
        assert max(rates) > 2 * usual


@BOTH
def test_the_server_tells_what_the_history_tells(ask: Asker, simulated: Simulated) -> None:
    history = simulated(days=2)
    ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.cloudcruise.history = ask.sandbox.productsup.history = history
    served = (
        ask.sessions(start_time="2026-03-16T00:00:00Z", limit=10_000)
        if simulated is simulated_cloudcruise
        else ask.run_ids({"limit": 1000})
    )
    assert served == [run.run_id for run in history.runs(NOW)]


def ids(history: SimulatedHistory) -> set[str]:
    return {run.run_id for run in history.runs(NOW)}


def failure_rates_by_day(truths: list[Truth], since: datetime) -> list[float]:
    ended: dict[str, list[bool]] = {}
    for truth in truths:
        if truth["status"] in TERMINAL and truth["created_at"] >= since:
            ended.setdefault(truth["created_at"].date().isoformat(), []).append(truth["status"] == "failed")
    return [sum(failed) / len(failed) for failed in ended.values() if len(failed) > 50]
