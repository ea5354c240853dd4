"""What the failures of a pipeline have in common, worked out by hand; all is read until 2026-03-18 12:00 UTC."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import comb
from random import Random
from typing import Any

import pytest

from runs_assets.reasons.reason import Explanations, Reason
from runs_assets.verdicts.tables import Knowledge
from runs_assets_tests.verdicts.agreement import differences
from runs_assets_tests.verdicts.by_the_product import by_the_product
from runs_assets_tests.verdicts.cases import READ_UNTIL, at, run
from runs_assets_tests.verdicts.plain import verdicts_of
from runs_assets_tests.verdicts.plain_runs import Run
from runs_assets_tests.verdicts.worked import history_of, part_of

HOUR = timedelta(hours=1)
FIRST = at(2, 4, 0)
CODES = Knowledge(explanations=Explanations(exit_code=lambda code, _: Reason(f"exit code {code}")))
Rule = Callable[[int, datetime], bool]


def hourly(fails: Rule, change: Callable[[int, Run], Run]) -> list[Run]:
    """The n-th run of a pipeline is created at the n-th full hour and takes a minute; `change` it to what it is."""
    count = (READ_UNTIL - FIRST) // HOUR
    created = [FIRST + n * HOUR for n in range(count)]
    runs = [run("p", when, "failed" if fails(n, when) else "succeeded") for n, when in enumerate(created)]
    found = history_of(runs, first_day=date(2026, 2, 4), window_days=30).runs
    return [change(n, one) for n, one in enumerate(found)]


def judged(runs: list[Run]) -> tuple[list[dict[str, Any]], str]:
    """The rows of both computations, which must agree, and the state of the pipeline."""
    history = replace(history_of([], first_day=date(2026, 2, 4), window_days=30), runs=runs)
    tables = verdicts_of(history, lambda one: f"exit code {one.exit_code}")
    assert differences(by_the_product(history, CODES), tables) == []
    return tables["failure_concentrations"], tables["pipeline_health"][0]["state"]


def with_site(sites: int) -> Callable[[int, Run], Run]:
    return lambda n, one: replace(one, site=f"site {n % sites}", exit_code=1)


def test_a_site_that_always_fails_for_a_day() -> None:
    def fails(n: int, when: datetime) -> bool:
        return n % 4 == 3 and when >= at(3, 17, 12)

    [row], state = judged(hourly(fails, with_site(4)))
    # The 24 hours before 12:00: 6 runs of each site; those of site 3 failed, from 15:01 on (02-04 00:00 is the 0th).
    expected = {"dimension": "site", "value": "site 3", "since": at(3, 17, 15, 1), "span_hours": 24, "past_rate": 0.0}
    counts = {"decided": 6, "failed": 6, "other_decided": 18, "other_failed": 0}
    assert part_of(row, expected | counts) == expected | counts
    assert row["p_value"] == pytest.approx(1 / comb(24, 6))
    assert row["q_value"] <= 12 / comb(24, 6)  # three spans of four sites are tested
    assert state == "worse"  # 25 %, and it never failed before


def test_a_site_that_works_again_is_over() -> None:
    rows, state = judged(hourly(lambda n, when: n % 4 == 3 and at(3, 17) <= when < at(3, 18, 11), with_site(4)))
    assert (rows, state) == ([], "worse")  # 5 of the last 24 failed, and none in the four weeks before


def test_a_site_that_always_failed_is_usual() -> None:
    assert judged(hourly(lambda n, _: n % 4 == 3, with_site(4)))[0] == []


def test_a_bad_day_of_all_sites_is_no_concentration() -> None:
    rows, state = judged(hourly(lambda n, when: n % 3 > 0 and when >= at(3, 17, 12), with_site(4)))
    assert (rows, state) == ([], "worse")


def test_bad_luck_does_not_count() -> None:
    # 4 of 6 runs of a site, and 1 of the 18 others.
    def fails(_: int, when: datetime) -> bool:
        return when in {at(3, 18, 11), at(3, 18, 7), at(3, 18, 3), at(3, 17, 23), at(3, 18, 2)}

    tail = (comb(6, 4) * comb(18, 1) + comb(6, 5)) / comb(24, 5)
    assert tail > 0.001
    assert judged(hourly(fails, with_site(4)))[0] == []


def test_a_new_version() -> None:
    released = at(3, 18, 0)
    runs = hourly(
        lambda _, when: when >= released,
        lambda _, one: replace(one, version="2" if one.created_at >= released else "1", exit_code=1),
    )
    [row], state = judged(runs)
    counts = {"decided": 12, "failed": 12, "other_decided": 12, "other_failed": 0, "past_rate": None}
    assert part_of(row, counts) == counts
    assert (row["dimension"], row["value"], row["since"], state) == ("version", "2", at(3, 18, 0, 1), "down")


def test_a_new_reason_at_the_same_rate() -> None:
    begins = at(3, 16, 12)
    runs = hourly(
        lambda n, _: n % 8 == 0, lambda _, one: replace(one, exit_code=137 if one.created_at >= begins else 1)
    )
    [row], state = judged(runs)
    # 00:00, 08:00 and 16:00 fail: three in 24 hours; of the 84 in the 28 days before, three have it already.
    expected = {"dimension": "reason", "value": "exit code 137", "since": at(3, 16, 16, 1), "past_rate": 3 / 84}
    counts = {"decided": 3, "failed": 3, "other_decided": 84, "other_failed": 3, "span_hours": 24}
    assert part_of(row, expected | counts) == expected | counts
    assert row["p_value"] == pytest.approx(comb(6, 3) / comb(87, 3))
    assert state == "partly failing"


def test_the_same_reason_as_ever_is_none() -> None:
    runs = hourly(lambda n, _: n % 8 == 0, lambda _, one: replace(one, exit_code=1))
    assert judged(runs)[0] == []


def test_a_reason_of_a_third_of_the_failures_before_is_no_news() -> None:
    def change(n: int, one: Run) -> Run:
        return replace(one, exit_code=137 if n % 6 == 0 or one.created_at >= at(3, 17, 12) else 1)

    assert (1 / 3) ** 12 < 1e-5  # of the 12 failures in 24 hours all have it
    assert judged(hourly(lambda n, _: n % 2 == 0, change))[0] == []


@pytest.mark.long
def test_both_computations_agree_on_random_pipelines() -> None:
    found = [judged(random_runs(Random(seed)))[0] for seed in range(12)]
    assert {row["dimension"] for rows in found for row in rows} == {"site", "workspace", "version", "reason"}


def random_runs(chance: Random) -> list[Run]:
    begins, kind = (
        READ_UNTIL - chance.uniform(20, 150) * HOUR,
        chance.choice(["site", "workspace", "version", "reason"]),
    )
    rate = chance.uniform(0.05, 0.2)

    def change(_: int, one: Run) -> Run:
        site, is_late = chance.randint(0, 5), one.created_at >= begins
        code = 137 if is_late and kind == "reason" else chance.choice([1, 2])
        is_hit = is_late and chance.random() < 0.9 and (kind == "version" or (kind != "reason" and site < 2))
        is_hit = is_hit and (kind != "site" or site == 0)
        failed = is_hit or chance.random() < rate
        return replace(
            one,
            site=f"s{site}",
            workspace=f"w{site // 2}",
            version="2" if is_late else None,
            exit_code=code,
            status="failed" if failed else "succeeded",
        )

    return hourly(lambda *_: False, change)
