"""Every file below a folder, also unpacked, for a search that nothing escapes."""

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import zstandard

from runs_assets_tests.security.markers import STEM, found


def files_with(root: Path, text: str = STEM) -> dict[str, list[str]]:
    """The files whose bytes, or unpacked content, or name, hold `text` in any spelling; and which spellings."""
    hits = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        spellings = [*found(name.encode(), text), *(hit for content in contents(path) for hit in found(content, text))]
        if spellings:
            hits[name] = sorted(set(spellings))
    return hits


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed in them. SQLite's pages and its write-ahead log hold text as it is."""
    if not path.is_file():
        return
    yield path.read_bytes()
    if path.suffix == ".zst":
        with zstandard.open(path, "rb") as file:
            yield file.read()
    if path.suffix == ".parquet":
        yield _table_text(path)


def _table_text(path: Path) -> bytes:
    text = io.StringIO()
    with pq.ParquetFile(path) as file:
        text.write(f"{file.schema_arrow.metadata}\n")
        text.writelines(f"{row}\n" for row in file.read().to_pylist())
    return text.getvalue().encode()
