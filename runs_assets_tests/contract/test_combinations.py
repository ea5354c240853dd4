"""Faults seldom come alone: some triples of an outage, an odd order and a change, drawn by chance, the same every time."""

from random import Random

import pytest

from runs_assets_tests.contract.cases import CASES, SOURCES
from runs_assets_tests.contract.matrix import Matrix
from runs_assets_tests.contract.scenario import NOT_SETTLED, RIGHT, SET_ASIDE

PASSING = (
    "too_many_requests_seconds",
    "server_errors",
    "html_pages",
    "truncated_json",
    "empty_bodies",
    "empty_lists",
    "connections_reset",
    "bodies_cut",
)
ORDERS = (
    "ties_at_page_edge",
    "times_printed_coarser",
    "unstable_ties",
    "ids_repeated_across_pages",
    "page_size_capped",
    "creation_times_null",
)
CHANGES = (
    "runs_inserted_while_paging",
    "runs_deleted_while_paging",
    "runs_deleted_anywhere",
    "runs_arrive_late",
    "statuses_change",
    "clock_minutes_behind",
)


def triples(source: str, count: int = 8) -> list[tuple[str, str, str]]:
    """Different triples, each of faults that make no reading fail alone."""
    rng = Random(f"triples of {source}")
    kinds = [
        [name for name in kind if CASES[name].expected(source).startswith(RIGHT)] for kind in (PASSING, ORDERS, CHANGES)
    ]
    found: dict[tuple[str, str, str], None] = {}
    while len(found) < count:
        passing, order, change = (rng.choice(kind) for kind in kinds)
        found[passing, order, change] = None
    return list(found)


@pytest.mark.long
@pytest.mark.parametrize(
    ("source", "names"),
    [pytest.param(source, names, id="-".join((source, *names))) for source in SOURCES for names in triples(source)],
)
def test_three_faults_at_once(matrix: Matrix, source: str, names: tuple[str, str, str]) -> None:
    alone = [CASES[name].expected(source) for name in names]
    notes = [note for note in (SET_ASIDE, NOT_SETTLED) if any(note in verdict for verdict in alone)]
    assert matrix.play(source, *names) == RIGHT + "".join(notes), matrix.story
