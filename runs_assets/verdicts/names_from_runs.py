"""What to call pipelines that their platform does not name: after what all their recent runs have in common.

A shared connector has no name of its own, but may serve one site only. The id stays in the name, so that no two
pipelines have the same one.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.plain_text.wording import short_id, shortened

NAMED_AFTER = {
    "site": ("site_id", "site_name"),
    "project": ("project_id", "project_name"),
    "workspace": ("workspace_id", "workspace_name"),
}
"""What pipelines are named after, the narrowest first: the columns of its id and its name."""
COLUMNS = ["pipeline_id", *(column for columns in NAMED_AFTER.values() for column in columns)]
RECENT_DAYS = 28
"""Of so many newest stored days are the runs: a pipeline that has moved is not called after where it was for longer."""
LONGEST = 60


def places_of(runs: pa.Table) -> pa.Table:
    """Each combination of the `COLUMNS` in some runs, once, in the order of the runs."""
    return runs.select(COLUMNS).group_by(COLUMNS, use_threads=False).aggregate([])


def names_from_runs(places: Iterable[pa.Table]) -> Mapping[str, str]:
    """Names such as `site Shoes DE (3f2a9c1e)`, by pipeline id, of the `places_of` some days, in their order.

    A pipeline is named after what is the same in all its runs, and not the same in all runs of the source; as it was
    called last. One of which no run has such a thing in common with the others has no name.
    """
    known = pa.concat_tables(places)
    known = known.filter(pc.field("pipeline_id").is_valid())
    names: dict[str, str] = {}
    for kind, columns in NAMED_AFTER.items():
        names = {**_named_after(kind, *columns, known), **names}
    return names


def _named_after(kind: str, id_column: str, name_column: str, places: pa.Table) -> Mapping[str, str]:
    if pc.count_distinct(places[id_column], mode="all").as_py() <= 1:
        return {}
    every, last = pc.CountOptions(mode="all"), "last"
    aggregates = [(id_column, "count_distinct", every), (id_column, last), (name_column, last)]
    found = places.group_by("pipeline_id", use_threads=False).aggregate(aggregates)
    found = found.filter((pc.field(f"{id_column}_count_distinct") == 1) & pc.field(f"{id_column}_last").is_valid())
    columns = (found[name].to_pylist() for name in ("pipeline_id", f"{id_column}_last", f"{name_column}_last"))
    return {
        pipeline: f"{kind} {shortened(name or '', LONGEST) or short_id(one)} ({short_id(pipeline)})"
        for pipeline, one, name in zip(*columns, strict=True)
    }
