"""Daily tables as a test wants them."""

from datetime import date

import pyarrow as pa

from runs_assets.storage.layout import Layout
from runs_assets.storage.store import StoredFile
from runs_assets.storage.tables import Lineage, replacing_table


def store_table(layout: Layout, data_set: str, source: str, day: date, rows: pa.Table, lineage: Lineage) -> StoredFile:
    """Replace a day's file; returns it."""
    file = layout.day_file(data_set, source, day)
    with replacing_table(file, rows.schema) as out:
        out.write(rows)
        out.finish(lineage.to_metadata())
    return file
