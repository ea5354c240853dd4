"""The contract of every store: a folder on a disk, and object storage with the APIs of S3 and Google."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier, Event

import pytest

from runs_assets.errors import BusyError, ConflictError, NotStoredError
from runs_assets.storage.folder import Folder
from runs_assets.storage.store import ABSENT, Store, StoredFile
from runs_assets_tests.cluster.servers import SERVERS, ObjectServer

WRITERS, ROUNDS = 8, 5
KEY = "raw_runs/source=s/date=2026-03-01/part-0.jsonl.zst"
_prefixes = count()


@dataclass(frozen=True)
class Place:
    """A store, and what its writers hold while they look, decide and write: on a disk a lock, elsewhere nothing."""

    store: Store
    guard: Callable[[], AbstractContextManager[object]]

    def file(self, key: str = KEY) -> StoredFile:
        return StoredFile(self.store, key, "tests")


@pytest.fixture(params=["folder", *(pytest.param(name, marks=pytest.mark.cluster) for name in SERVERS)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "folder":
        folder = Folder(tmp_path)
        return Place(folder, lambda: folder.held(".locks/s.lock", "s", 60, print))
    return Place(bucket(request.getfixturevalue(request.param), monkeypatch), nullcontext)


def started(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with SERVERS[name](tmp_path_factory.mktemp(name)) as server:
        yield server


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    yield from started("moto", tmp_path_factory)


@pytest.fixture(scope="module")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    yield from started("seaweedfs", tmp_path_factory)


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    yield from started("google", tmp_path_factory)


def bucket(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty part of the server's bucket."""
    from runs_assets.storage.bucket import Bucket  # noqa: PLC0415  (obstore may not be installed)

    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return Bucket(f"{server.url}/{next(_prefixes)}")


def test_what_was_written_is_read_and_has_another_version(place: Place) -> None:
    file = place.file()
    assert (file.entry(), file.version(), file.content()) == (None, ABSENT, None)
    file.replace(b"first")
    first = file.entry()
    assert first is not None
    assert (first.key, first.size, file.content()) == (KEY, 5, b"first")
    file.replace(b"second, longer")
    assert file.content() == b"second, longer"
    assert file.version() not in {first.version, ABSENT}
    file.remove()
    file.remove()
    assert not file.is_stored()
    with pytest.raises(NotStoredError, match="part-0"), file.opened():
        pass


def test_a_version_that_is_no_longer_stored_is_not_overwritten(place: Place) -> None:
    file = place.file()
    file.replace(b"mine", version=ABSENT)
    seen = file.version()
    with pytest.raises(ConflictError, match="part-0"):
        file.replace(b"never there", version=ABSENT)
    file.replace(b"theirs, which is longer")
    with pytest.raises(ConflictError):
        file.replace(b"by what is old", version=seen)
    assert file.content() == b"theirs, which is longer"
    file.remove()
    with pytest.raises(ConflictError):
        file.replace(b"by what is gone", version=seen)
    assert file.content() is None


def test_a_block_that_fails_changes_nothing(place: Place) -> None:
    file = place.file()
    file.replace(b"before")
    with suppress(ZeroDivisionError), file.replacing() as new:
        new.write(b"half")
        raise ZeroDivisionError
    assert file.content() == b"before"
    assert [entry.key for entry in place.store.listed("raw_runs/")] == [KEY]


def test_of_many_that_create_one_wins_and_of_many_that_replace_none_is_lost(place: Place) -> None:
    together = Barrier(WRITERS)

    def create(file: StoredFile, writer: int) -> bool:
        together.wait()
        with place.guard(), suppress(ConflictError):
            file.replace(b"by %d" % writer, version=ABSENT)
            return True
        return False

    def add(file: StoredFile, writer: int) -> None:
        for number in range(ROUNDS):
            while True:
                with place.guard(), suppress(ConflictError):
                    version = file.version()
                    file.replace((file.content() or b"") + b"%d.%d " % (writer, number), version=version)
                    break

    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(ROUNDS):
            file = place.file(f"raw_runs/{number}")
            assert sum(pool.map(partial(create, file), range(WRITERS))) == 1
        shared = place.file()
        list(pool.map(partial(add, shared), range(4)))
    added = (shared.content() or b"").split()
    assert sorted(added) == sorted(b"%d.%d" % (writer, number) for writer in range(4) for number in range(ROUNDS))


def test_a_listing_has_more_than_a_thousand_files_and_none_beside_its_prefix(place: Place) -> None:
    keys = {f"raw_runs/source=s/date={number}/part-0" for number in range(1003)}
    beside = ["raw_runs/source=s2/date=1/part-0", "runs/source=s/date=1/part-0"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: place.file(key).replace(b"x"), [*keys, *beside]))
    found = [entry.key for entry in place.store.listed("raw_runs/source=s/")]
    assert len(found) == len(keys)
    assert set(found) == keys
    assert list(place.store.listed("nothing/here/")) == []
    entry = place.file("raw_runs/source=s/date=7/part-0").entry()
    assert entry in list(place.store.listed("raw_runs/source=s/date=7/"))


def test_a_reader_sees_one_version_while_it_is_replaced(place: Place) -> None:
    file, over = place.file(), Event()
    contents = [bytes([number]) * (400_000 + number) for number in range(20)]
    file.replace(contents[0])

    def write() -> None:
        while not over.is_set():
            for content in contents:
                file.replace(content)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            with file.opened() as opened:
                first = opened.read(1)
                assert set(opened.read()) == set(first)
            with file.opened(end_only=True) as opened:
                size = opened.seek(0, 2)
                opened.seek(size - 1000)
                assert set(opened.read()) == {size - 400_000}
        over.set()
        writer.result()


def test_the_end_of_a_file_is_where_it_is_in_the_whole(place: Place) -> None:
    content = bytes(range(256)) * 3000
    for size in (0, 1, 1024, 300_000, len(content)):
        place.file().replace(content[:size])
        with place.file().opened(end_only=True) as file:
            assert file.seek(0, 2) == size
            file.seek(max(0, size - 1024))
            assert file.read(10) == content[:size][-1024:][:10]
            assert file.read() == content[:size][-1024:][10:]


def test_one_at_a_time_holds_a_right(place: Place) -> None:
    right = place.file(".locks/s.lock")
    assert not right.is_held()
    with right.held("s", patience=0):
        assert right.is_held()
        with pytest.raises(BusyError, match="still writing the files of s"), right.held("s", patience=0):
            pass
    assert not right.is_held()
    with right.held("s", patience=0):
        assert right.is_held()
