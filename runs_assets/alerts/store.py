"""The file of what messages remember, and the lock that lets one process at a time tell anything."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from runs_assets.alerts.state import State
from runs_assets.storage.files import is_stored, keep_aside, reading, replacing
from runs_assets.storage.layout import Layout
from runs_assets.storage.lock import writing

log = logging.getLogger(__name__)
FOLDER = ".alerts"


class Store:
    """`<data>/.alerts/state.json`, replaced atomically."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.root / FOLDER
        self.path = self._folder / "state.json"

    @contextmanager
    def telling(self, patience: float) -> Iterator[None]:
        """The right to decide and send; raises `BusyError` if another process has it for `patience` seconds."""
        with writing(self._folder / "lock", "the messages", patience=patience):
            yield

    def load(self, now: datetime) -> State:
        """What is remembered. A damaged file is kept aside, said in the log, and all begins anew.

        Raises `StorageError` if the file cannot be read.
        """
        if not is_stored(self.path):
            return State()
        with reading(self.path) as file:
            content = file.read()
        try:
            return State.model_validate_json(content)
        except ValidationError:
            kept = self._set_aside(now)
        log.error(
            "The file %s is damaged: what was told before, and what was still to be delivered, is not known. "
            "It is kept as %s. Messages begin anew, as at a first look.",
            self.path,
            kept,
        )
        return State()

    def save(self, state: State) -> None:
        """Make the state durable; raises `StorageError` if the disk refuses."""
        with replacing(self.path, self._folder / "scratch") as file:
            file.write(state.model_dump_json().encode())

    def _set_aside(self, now: datetime) -> Path:
        kept = self._folder / f"damaged-{now:%Y%m%dT%H%M%SZ}.json"
        keep_aside(self.path, kept, self._folder / "scratch")
        return kept
