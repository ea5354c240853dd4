"""The right to write where no lock dies with its process: an object that says whose it is, and until when.

It is taken, kept and taken over by conditional replacement. It only spares requests, and a refresh token its second
use: who loses it while it works, as a machine that stood still does, is stopped by the versions of what it writes, and
by nothing here.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from pydantic import AwareDatetime, BaseModel, ValidationError

from runs_assets.days import utc_now
from runs_assets.errors import ConflictError, StorageError
from runs_assets.storage.store import Store, StoredFile
from runs_assets.storage.waits import until_taken

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
POLL_SECONDS = 2.0
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Lease(BaseModel):
    """What the object says."""

    owner: str
    expires_at: AwareDatetime


@contextmanager
def held(store: Store, key: str, what: str, patience: float, report: Callable[[str], None]) -> Iterator[None]:
    """Hold a right; waits up to `patience` seconds, then raises `BusyError`."""
    file, owner = StoredFile(store, key, ""), str(uuid.uuid4())
    until_taken(lambda: _is_taken(file, owner), what, POLL_SECONDS, patience, report)
    over = Event()
    keeper = Thread(target=_keep, args=(file, owner, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        with suppress(StorageError):  # it expires by itself
            _renew(file, owner, LONG_AGO)


def is_held(store: Store, key: str) -> bool:
    """Whether somebody holds a right."""
    return _present(StoredFile(store, key, "")).expires_at > utc_now()


def _is_taken(file: StoredFile, owner: str) -> bool:
    """Take a right if nobody holds it; whether that worked."""
    return _is_replaced(file, Lease(owner=owner, expires_at=utc_now() + LEASE), lambda old: old.expires_at <= utc_now())


def _keep(file: StoredFile, owner: str, over: Event) -> None:
    while not over.wait(LEASE.total_seconds() / 3):
        try:
            if not _renew(file, owner, utc_now() + LEASE):
                log.warning("%s is held by another process: this one stood still for too long.", file)
                return
        except StorageError as error:
            log.warning("%s", error)


def _renew(file: StoredFile, owner: str, expires_at: datetime) -> bool:
    """Change until when an own right holds; whether it still was one."""
    return _is_replaced(file, Lease(owner=owner, expires_at=expires_at), lambda old: old.owner == owner)


def _is_replaced(file: StoredFile, new: Lease, may_be: Callable[[Lease], bool]) -> bool:
    """Replace a lease that may be; whether that worked."""
    version = file.version()
    if not may_be(_present(file)):
        return False
    with suppress(ConflictError):
        file.replace(new.model_dump_json().encode(), version=version)
        return True
    return False


def _present(file: StoredFile) -> Lease:
    """What is stored; one that is over if there is none, or it cannot be understood."""
    try:
        return Lease.model_validate_json(file.content() or b"")
    except ValidationError:
        return Lease(owner="", expires_at=LONG_AGO)
