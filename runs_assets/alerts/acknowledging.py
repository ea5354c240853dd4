"""`runs-assets ack`: nobody is reminded of incidents that somebody knows of; kept with the memory of notifications."""

from collections.abc import Iterable, Iterator

from rich.console import Console

from runs_assets.alerts.delivery import LOCK_PATIENCE_SECONDS
from runs_assets.alerts.memory import Acknowledgement, Memory, MemoryFile
from runs_assets.alerts.phrases import at, cut, open_line
from runs_assets.days import utc_now
from runs_assets.errors import SettingsError
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets.watch_entries import Subject


def acknowledge(console: Console, known: Acknowledgement) -> None:
    """Remember it instead of a former one of the same patterns, and print what it is about.

    Raises `SettingsError` if nothing open is, `StorageError` if the memory cannot be read or written, `BusyError` while
    another process is notifying.
    """
    file = _memory_file()
    with file.locked(LOCK_PATIENCE_SECONDS):
        memory = file.load(known.acknowledged_at)
        about = [line for subject, line in _open(memory) if known.covers(subject)]
        if not about:
            raise SettingsError(f"No open incident is about pipeline {known.pipeline} of source {known.source}.")
        others = (one for one in memory.acknowledged if (one.source, one.pipeline) != (known.source, known.pipeline))
        file.save(memory.model_copy(update={"acknowledged": (*others, known)}), known.acknowledged_at)
    _print(console, ["No reminders of:", *about])


def show_acknowledged(console: Console) -> None:
    """Print each acknowledgement that holds, and every open incident that none is about.

    Raises `StorageError` if the memory cannot be read.
    """
    now = utc_now()
    memory = _memory_file().load(now)
    holding = memory.acknowledged_at(now)
    others = [line for subject, line in _open(memory) if not any(known.covers(subject) for known in holding)]
    _print(console, ["Acknowledged:", *(acknowledgement_lines(holding) or ["nothing"])])
    _print(console, ["Open, and not acknowledged:", *(others or ["nothing"])])


def acknowledgement_lines(known: Iterable[Acknowledgement]) -> list[str]:
    """Each as one line, in words."""
    return [
        f"{cut(one.pipeline)} of {cut(one.source)}, "
        + (f"until {at(one.until)}" if one.until else "until it is over")
        + (f": {cut(one.note)}" if one.note else "")
        for one in known
    ]


def _open(memory: Memory) -> Iterator[tuple[Subject, str]]:
    for subject, state, _ in memory.open_incidents():
        yield subject, open_line(subject, state)


def _memory_file() -> MemoryFile:
    return MemoryFile(Layout.stored(project_settings().data.absolute()))


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
