"""What pipelines are called, wherever people read of them."""

from collections.abc import Mapping

from runs_assets import arrow_functions as pc
from runs_assets.errors import DamagedFileError, NotStoredError
from runs_assets.reasons.details_files import load_details
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.tables import load_verdicts


def pipeline_names(layout: Layout, source: str) -> Mapping[str, str]:
    """Names of a source's pipelines, by their ids: as in the verdicts, else what the platform calls them.

    Raises `StorageError` if they cannot be read. Damaged verdicts give no names: they are rebuilt.
    """
    return {**load_details(layout, source).names, **_judged_names(layout, source)}


def _judged_names(layout: Layout, source: str) -> Mapping[str, str]:
    try:
        rows = load_verdicts(layout, PIPELINE_HEALTH.name)
    except (NotStoredError, DamagedFileError):
        return {}
    rows = rows.filter((pc.field("source") == source) & pc.field("pipeline_name").is_valid())
    return dict(zip(rows["pipeline_id"].to_pylist(), rows["pipeline_name"].to_pylist(), strict=True))
