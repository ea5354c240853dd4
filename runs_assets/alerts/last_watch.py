"""The watch file as it was when it could last be used: a mistake in it must not silence everything."""

from pathlib import Path

from runs_assets.alerts.store import FOLDER
from runs_assets.errors import SettingsError
from runs_assets.storage.files import is_stored, reading, replacing
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile, load_watch_file


def usable_watch_file(path: Path | None, layout: Layout) -> tuple[WatchFile, tuple[str, ...]]:
    """What the watch file says, and what is wrong with it; then, what it said when it could last be used.

    An empty one if it never could. Raises `StorageError` if a copy of a usable one cannot be kept.
    """
    kept = layout.root / FOLDER / "watch.toml"
    try:
        watch = load_watch_file(path)
    except SettingsError as error:
        return _kept(kept), (f"{error} Until then the last usable one counts, or none if there never was one.",)
    if path is not None:
        _keep(path, kept)
    return watch, ()


def _kept(path: Path) -> WatchFile:
    try:
        return load_watch_file(path)
    except SettingsError:
        return WatchFile()


def _keep(path: Path, kept: Path) -> None:
    with reading(path) as file:
        content = file.read()
    if is_stored(kept):
        with reading(kept) as file:
            if file.read() == content:
                return
    with replacing(kept, kept.parent / "scratch") as file:
        file.write(content)
