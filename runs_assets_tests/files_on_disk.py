"""Where a stored file is on the disk, and the other way around."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runs_assets.storage.folder import Folder
from runs_assets.storage.layout import Layout
from runs_assets.storage.store import StoredFile


def folder_of(layout: Layout) -> Path:
    assert isinstance(layout.root, Path)
    return layout.root


def on_disk(file: StoredFile) -> Path:
    return Path(str(file))


@contextmanager
def unreadable(folder: Path) -> Iterator[None]:
    """Have a folder that nobody can list or enter, whatever their rights: a link to itself stands in its place."""
    kept = folder.rename(folder.with_name("kept"))
    folder.symlink_to(folder)
    yield
    folder.unlink()
    kept.rename(folder)


def stored_file(path: Path) -> StoredFile:
    """A file below a data folder, by the path that it has in all of them."""
    parts = path.parts
    depth = next((at for at, part in enumerate(parts) if part.startswith("source=")), len(parts)) - 1
    root = Path(*parts[: min(depth, len(parts) - 2)])
    return StoredFile(Folder(root), str(path.relative_to(root)), "tests")
