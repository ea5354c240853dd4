"""That a small messy fleet is told of as well as stated, and that the simulation does what it says."""

from collections import Counter

import numpy as np
import pyarrow.compute as pc
import pytest

from runs_assets.days import DAY_US, SECOND_US, from_us
from runs_assets_tests.fleet.as_of import Past
from runs_assets_tests.fleet.families import NEVER
from runs_assets_tests.fleet.figures import FAMILY_HEADER, check, figures_of
from runs_assets_tests.fleet.limits import HELD_OUT_SEEDS, LIMITS, SHORT_LIMITS, TUNING_SEEDS
from runs_assets_tests.fleet.measuring import MODULE, README, measure_short
from runs_assets_tests.fleet.product import Told
from runs_assets_tests.fleet.scores import score
from runs_assets_tests.fleet.telling import Course
from runs_assets_tests.fleet.timetables import END_US, HOUR_US, WINDOW_US
from runs_assets_tests.fleet.world import PIPELINES, PLATFORM, SHORT, World, make_world
from runs_assets_tests.readme import written_by

NOW = WINDOW_US + 10 * DAY_US + 7 * HOUR_US + SECOND_US // 2


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(PIPELINES, 3)


def test_no_figure_of_the_small_fleet_is_worse_than_stated() -> None:
    figures = figures_of([measure_short()])
    assert check(figures, SHORT_LIMITS) == []
    assert SHORT_LIMITS.keys() <= figures.keys()


def test_a_figure_that_is_worse_than_stated_is_named() -> None:
    assert check({"hours: a": 3.0, "hours: b": 2.0}, {"hours: a": 2.0, "hours: b": 2.0}) == ["hours: a is 3, above 2"]


def test_the_readme_has_the_table_and_no_seed_is_used_twice() -> None:
    first = written_by(MODULE, README).splitlines()[0]
    assert [cell.strip() for cell in first.strip("|").split("|")][1:] == FAMILY_HEADER[1:]
    assert not {*TUNING_SEEDS} & {*HELD_OUT_SEEDS}
    assert LIMITS.keys() >= {"false incidents: healthy", "missed: platform: all fail for 8 h"}


def test_the_same_seed_gives_the_same_world() -> None:
    first, second = make_world(SHORT, 4), make_world(SHORT, 4)
    assert first.runs.equals(second.runs)
    assert first.troubles == second.troubles


def test_a_look_knows_of_the_runs_what_had_happened_by_then(world: World) -> None:
    history, runs = Past(world).as_of(NOW), world.runs
    known = runs[(runs["created"] < NOW) & (runs["created"] >= (NOW // DAY_US - 57) * DAY_US)]
    is_open = known["ended"] > NOW
    waits = (known["started"] > NOW) | (known["started"] < 0)
    assert history.runs["run_id"].to_pylist() == world.run_ids[known.index.to_numpy()].tolist()
    assert Counter(history.runs["status"].to_pylist()) == {
        "failed": (known["failed"] & ~is_open).sum(),
        "succeeded": (~known["failed"] & ~is_open).sum(),
        "running": (is_open & ~waits).sum(),
        "queued": (is_open & waits).sum(),
    }
    assert history.open_runs["run_id"].to_pylist() == history.runs["run_id"].filter(is_open.to_numpy()).to_pylist()
    assert history.read_until == from_us(NOW)


def test_a_look_counts_all_stored_days_and_takes_those_with_open_runs_for_unsettled(world: World) -> None:
    history, runs = Past(world).as_of(NOW), world.runs
    known = runs[runs["created"] < NOW]
    ended = known["ended"] <= NOW
    counted = [len(known), ended.sum(), (ended & known["failed"]).sum()]
    assert [pc.sum(history.rates[name]).as_py() for name in ("runs", "completed", "failed")] == counted
    unsettled = set((known.loc[~ended, "created"] // DAY_US).tolist()) | {NOW // DAY_US}
    days = range(NOW // DAY_US - len(history.days) + 1, NOW // DAY_US + 1)
    assert [day.is_final for day in history.days] == [day not in unsettled for day in days]


def test_failures_are_planted_in_a_row_after_as_many_as_planned(world: World) -> None:
    for count in (1, 2, 3):
        past = []
        for trouble in world.troubles:
            if trouble.family == f"daily: {count} in a row":
                mine = world.runs[world.runs["pipeline"] == world.pipelines.index(trouble.pipeline or "")]
                during = mine[mine["created"].between(trouble.begins_at, trouble.ends_at)]
                assert during["failed"].tolist() == [True] * count + [False]
                assert len(trouble.run_ids) == count
                before = mine[mine["created"].between(trouble.begins_at - 28 * DAY_US, trouble.begins_at - 1)]
                past.append(int(before["failed"].sum()))
        assert sorted(past) == [0, 1, 2]


def test_the_platform_fails_for_all_and_runs_nothing() -> None:
    world = make_world(PLATFORM, 3)
    for trouble in world.troubles:
        during = world.runs[world.runs["created"].between(trouble.begins_at, trouble.ends_at - 1)]
        if trouble.family.startswith("platform: all fail"):
            assert during["failed"].all()
            assert (during["ended"] < NEVER).all()
        if "nothing" in trouble.family:
            assert len(during) == 0
        if "60 %" in trouble.family:
            assert during.loc[during["is_hit"], "pipeline"].nunique() <= 30
            assert np.mean(during["is_hit"]) > 0.1


def test_an_opening_counts_for_the_trouble_of_its_pipeline_soon_enough(world: World) -> None:
    trouble = next(trouble for trouble in world.troubles if trouble.family == "outage: hourly")
    healthy = next(name for name in world.pipelines if name.endswith("month-end"))
    at = trouble.begins_at + 5 * HOUR_US
    told = [
        opened(at, trouble.pipeline),
        opened(at, healthy),
        Told(trouble.ends_at + HOUR_US, "pipeline", trouble.pipeline, "resolved", "down", "critical"),
        opened(trouble.ends_at + 25 * HOUR_US, trouble.pipeline),
        opened(trouble.ends_at + 49 * HOUR_US, trouble.pipeline),
    ]
    found = score(Course(world, END_US, told, Counter(), (0, 0)))
    outcome = next(it for it in found.outcomes if it.trouble is trouble)
    assert (outcome.hours, outcome.openings, outcome.others, outcome.is_closed) == (5, 1, 1, True)
    assert outcome.failures == pytest.approx(5, abs=1)
    assert list(found.false) == [told[1], told[4]]
    assert list(found.echoes) == [told[3]]


def opened(at: int, pipeline: str | None) -> Told:
    return Told(at, "pipeline", pipeline, "opened", "down", "critical")
