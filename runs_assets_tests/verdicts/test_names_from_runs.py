"""What pipelines are called that their platform does not name."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from runs_assets.verdicts.names_from_runs import COLUMNS, names_from_runs, places_of

P, Q, R = (f"{digit * 8}-0000-4000-8000-000000000001" for digit in "abc")
SHOES = {"site_id": "1", "site_name": "Shoes DE"}
HATS = {"site_id": "2", "site_name": "Hats DE"}


def named(*days: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """By the runs of some days, in their order."""
    schema = pa.schema([(column, pa.string()) for column in COLUMNS])
    return names_from_runs([places_of(pa.Table.from_pylist([dict(row) for row in day], schema)) for day in days])


def test_a_pipeline_is_called_after_its_only_site_and_keeps_its_id() -> None:
    runs = [{"pipeline_id": P, **SHOES}, {"pipeline_id": P, **SHOES}, {"pipeline_id": Q, **HATS}]
    assert named(runs) == {P: "site Shoes DE (aaaaaaaa)", Q: "site Hats DE (bbbbbbbb)"}


def test_two_pipelines_of_one_site_have_two_names() -> None:
    runs = [{"pipeline_id": P, **SHOES}, {"pipeline_id": Q, **SHOES}, {"pipeline_id": R, **HATS}]
    assert len(set(named(runs).values())) == 3


def test_one_that_serves_several_sites_is_called_after_what_these_have_in_common() -> None:
    project, other = {"project_id": "7", "project_name": "Germany"}, {"project_id": "8", "project_name": "France"}
    runs = [{"pipeline_id": P, **SHOES, **project}, {"pipeline_id": P, **HATS, **project}, {"pipeline_id": Q, **other}]
    assert named(runs) == {P: "project Germany (aaaaaaaa)", Q: "project France (bbbbbbbb)"}


def test_one_that_shares_nothing_has_no_name() -> None:
    shared: list[Mapping[str, Any]] = [
        {"pipeline_id": P, **SHOES},
        {"pipeline_id": P, **HATS},
        {"pipeline_id": P, "site_id": None},
    ]
    assert named(shared) == {}
    assert named([{"pipeline_id": P, **SHOES}], [{"pipeline_id": P, "site_id": None}]) == {}
    assert named([{"pipeline_id": None, **SHOES}, {"pipeline_id": None, **HATS}]) == {}


def test_what_all_runs_of_a_source_have_in_common_tells_nothing() -> None:
    workspace = {"workspace_id": "w", "workspace_name": "Main"}
    assert named([{"pipeline_id": P, **workspace}, {"pipeline_id": Q, **workspace}]) == {}


def test_a_site_is_called_as_it_was_last_or_by_its_id() -> None:
    renamed = {**SHOES, "site_name": "Shoes and more"}
    before = [{"pipeline_id": P, **SHOES}, {"pipeline_id": Q, "site_id": "2"}]
    assert named(before, [{"pipeline_id": P, **renamed}]) == {
        P: "site Shoes and more (aaaaaaaa)",
        Q: "site 2 (bbbbbbbb)",
    }


def test_a_foreign_name_is_one_short_line_and_never_displaces_the_id() -> None:
    hostile = {"site_id": "1", "site_name": "x\x1b[2J\n" + "y" * 500}
    found = named([{"pipeline_id": P, **hostile}, {"pipeline_id": Q, **HATS}])[P]
    assert found == f"site x [2J {'y' * 51}... (aaaaaaaa)"
