"""The chart of all sources that `pipeline_health` shows below what is wrong now."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg

from runs_assets.errors import StorageError
from runs_assets.insight.fleet import source_records
from runs_assets.insight.status import VerdictRows
from runs_assets.report import charts
from runs_assets.sources.source import Source
from runs_assets.watch_file import WatchFile

DAYS = 28
"""Dagster keeps the picture with each materialization."""
TITLE = f"Failure rate and runs by day, {DAYS} days"


def fleet_chart(
    verdicts: VerdictRows, watch: WatchFile, sources: Sequence[Source], now: datetime
) -> Mapping[str, dg.MarkdownMetadataValue | dg.TextMetadataValue]:
    """The chart, as a picture that Dagster's page shows; nothing where charts are not installed, or nothing is stored.

    If a daily file cannot be read, why there is none: the tables stand without it.
    """
    if not charts.are_available():
        return {}
    try:
        records = source_records(verdicts, watch, sources, now=now, window_days=DAYS)
    except StorageError as error:
        return {"chart": dg.MetadataValue.text(f"It cannot be drawn. {error}")}
    if not any(record.stored_days for record in records):
        return {}
    picture = b64encode(charts.fleet_chart(records).encode()).decode()
    return {"chart": dg.MetadataValue.md(f"![{TITLE}](data:image/svg+xml;base64,{picture})")}
