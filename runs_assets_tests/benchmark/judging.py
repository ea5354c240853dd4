"""Judging: all tables over a year of 5,000 runs a day of 200 pipelines, and the report on it, judged whole."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from runs_assets_tests.benchmark.children import Ended, module
from runs_assets_tests.benchmark.figures import Figure
from runs_assets_tests.benchmark.plan import Plan

RUNS_A_DAY, YEAR_DAYS = 5_000, 365


def measure(plan: Plan) -> Iterator[Figure]:
    """Once: it is far from its limits, or it is not."""
    with TemporaryDirectory() as folder:
        plan.say(f"verdicts: writing a year of {plan.rows(RUNS_A_DAY):,} runs a day")
        year = module("year", folder, plan.rows(RUNS_A_DAY))
        plan.say("verdicts: judging it")
        yield from _limited(
            "verdicts on 90 days of a year", module("verdicts", folder), year, seconds=30, megabytes=600
        )
        plan.say("verdicts: judging all of it, for the report")
        module("verdicts", folder, YEAR_DAYS)
        page = module("page", folder)
    yield from _limited("report on a year", page, year, seconds=10, megabytes=700)
    yield Figure("report on a year: size of the page", (page["page_bytes"] / 1e6,), "{:.2f} MB", at_most=3)


def _limited(what: str, ended: Ended, year: Ended, *, seconds: float, megabytes: float) -> Iterator[Figure]:
    if ended["pipelines"] != year["pipelines"]:
        raise RuntimeError(f"{what}: {ended['pipelines']} of {year['pipelines']} pipelines")
    yield Figure(f"{what}: time", (ended["seconds"],), "{:.1f} s", at_most=seconds)
    yield Figure(f"{what}: memory of the process", (ended["peak_bytes"] / 1e6,), "{:,.0f} MB", at_most=megabytes)
