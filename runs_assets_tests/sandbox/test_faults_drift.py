from datetime import timedelta
from itertools import pairwise

import pytest

from runs_assets.sandbox import FrozenClock
from runs_assets.sandbox.faults.drift import (
    RunsArriveLate,
    RunsDeletedAnywhere,
    RunsDeletedWhilePaging,
    RunsInsertedWhilePaging,
    StatusesChange,
)
from runs_assets_tests.sandbox.asking import NOW, PLATFORMS, Asker, created_of, id_of

both = pytest.mark.parametrize("platform", PLATFORMS)
STATUS = {"cloudcruise": "status", "productsup": "state"}


def listed(ask: Asker, platform: str) -> list[str]:
    return [id_of(row) for row in ask.rows(platform)]


@both
def test_new_runs_appear_at_the_head_between_requests(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 5)
    ask.sandbox.switch_on(platform, RunsInsertedWhilePaging(count=2, at_most=3))
    assert listed(ask, platform) == ids
    first, second = listed(ask, platform), listed(ask, platform)
    assert (len(first), first[2:]) == (7, ids)
    assert (len(second), second[1:]) == (8, first)
    assert listed(ask, platform) == second
    assert len(set(second)) == 8


@both
def test_a_new_run_is_created_at_the_instant_of_the_request_and_keeps_that_time(ask: Asker, platform: str) -> None:
    ask.show(platform, 5)
    clock = ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.switch_on(platform, RunsInsertedWhilePaging(count=1))
    ask.rows(platform)
    ask.rows(platform)
    clock.advance(timedelta(minutes=5))
    times = [created_of(row) for row in ask.rows(platform)]
    assert times[:3] == [NOW + timedelta(minutes=5), NOW, NOW - timedelta(minutes=1)]


@both
def test_the_newest_runs_vanish_between_requests_for_good(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 9)
    ask.sandbox.switch_on(platform, RunsDeletedWhilePaging(count=2, at_most=5))
    assert [listed(ask, platform) for _ in range(5)] == [ids, ids[2:], ids[4:], ids[5:], ids[5:]]


def test_probes_count_as_requests_too_and_tokens_do_not(ask: Asker) -> None:
    ids = ask.show("productsup", 9)
    ask.sandbox.switch_on("productsup", RunsDeletedWhilePaging(count=1))
    ask.client.post(ask.sandbox.token_url)
    ask.rows("productsup", {"from": 4, "limit": 1})
    ask.rows("productsup", {"from": 2, "limit": 1})
    assert listed(ask, "productsup") == ids[2:]


@both
def test_runs_vanish_from_anywhere(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 20)
    fault = ask.sandbox.switch_on(platform, RunsDeletedAnywhere(count=3))
    answers = [listed(ask, platform) for _ in range(4)]
    assert [len(answer) for answer in answers] == [20, 17, 14, 11]
    assert all(set(later) < set(earlier) for earlier, later in pairwise(answers))
    assert isinstance(fault, RunsDeletedAnywhere)
    assert fault.gone == set(ids) - set(answers[-1])
    assert answers[-1] != ids[9:]


@pytest.mark.parametrize("name", ["runs_deleted_while_paging", "runs_deleted_anywhere"])
def test_deletions_make_the_plain_recipe_lose_runs_that_are_still_there(ask: Asker, name: str) -> None:
    ask.show("productsup", 60)
    ask.sandbox.switch_on("productsup", name)
    read = set(ask.read_plainly("productsup", 10))
    assert not set(listed(ask, "productsup")) <= read


@both
def test_a_part_of_the_runs_is_listed_hours_after_its_creation(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 30)
    clock = ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.switch_on(platform, RunsArriveLate(late=timedelta(hours=2), every=3))
    early = listed(ask, platform)
    assert 15 <= len(early) < 30
    clock.advance(timedelta(hours=1, minutes=40))  # run-19 was created 20 minutes ago when time stood at NOW
    assert listed(ask, platform) == [key for place, key in enumerate(ids) if key in early or place >= 19]
    clock.advance(timedelta(hours=1))
    assert listed(ask, platform) == ids


@both
def test_statuses_follow_the_clock_and_not_the_requests(ask: Asker, platform: str) -> None:
    ask.show(platform, 1)
    clock = ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.switch_on(platform, StatusesChange(after=timedelta(hours=3), retried_every=10**9))
    final = {"cloudcruise": "execution.success", "productsup": "finished"}[platform]
    opened = {"cloudcruise": "execution.start", "productsup": "running"}[platform]
    ends = {"cloudcruise": "execution_end", "productsup": "finished-at"}[platform]
    for _ in range(3):
        (row,) = ask.rows(platform)
        assert (row[STATUS[platform]], row[ends]) == (opened, None)
    clock.advance(timedelta(hours=3))
    assert ask.rows(platform)[0][STATUS[platform]] == final


def test_a_run_of_cloudcruise_fails_is_requeued_and_succeeds(ask: Asker) -> None:
    ask.show("cloudcruise", 1)
    clock = ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.switch_on("cloudcruise", StatusesChange(after=timedelta(hours=3), retried_every=1))
    seen = []
    for _ in range(4):
        (row,) = ask.rows("cloudcruise")
        seen.append((row["status"], row["execution_end"] is None))
        clock.advance(timedelta(hours=1))
    assert seen == [
        ("execution.start", True),
        ("execution.failed", False),
        ("execution.requeued", True),
        ("execution.success", False),
    ]
