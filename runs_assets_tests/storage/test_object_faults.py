"""Object storage that is busy, breaks off or loses its answers: what was written counts once, and nothing is lost."""

import pytest

from runs_assets.errors import ConflictError, StorageError
from runs_assets.storage.store import ABSENT, StoredFile
from runs_assets_tests.cluster.faulty import FaultyWay, ObjectFault
from runs_assets_tests.cluster.servers import ObjectServer

pytestmark = pytest.mark.cluster
CONTENT = bytes(range(256)) * 4000
BEFORE, AFTER = b"before" * 1000, CONTENT


@pytest.fixture
def file(bucket_url: str) -> StoredFile:
    from runs_assets.storage.bucket import Bucket  # noqa: PLC0415  (obstore may not be installed)

    return StoredFile(Bucket(bucket_url), "raw_runs/part-0", "tests")


@pytest.mark.parametrize("fault", list(ObjectFault))
@pytest.mark.parametrize("kind", ["created", "replaced", "overwritten"])
def test_a_write_that_goes_wrong_once_is_done_once(
    fault: ObjectFault, kind: str, way: FaultyWay, file: StoredFile
) -> None:
    if kind != "created":
        file.replace(BEFORE)
    version = {"created": ABSENT, "replaced": file.version(), "overwritten": None}[kind]
    way.faults.append(("PUT", fault))
    file.replace(AFTER, version=version)
    assert not way.faults
    assert file.content() == AFTER
    with pytest.raises(ConflictError):
        file.replace(b"by somebody who saw what was before", version=ABSENT if kind == "created" else '"other"')


@pytest.mark.parametrize("fault", [ObjectFault.SLOW_DOWN, ObjectFault.CUT_ANSWER, ObjectFault.LOST_ANSWER])
@pytest.mark.parametrize("end_only", [True, False])
def test_a_read_that_goes_wrong_once_is_of_the_whole_file(
    fault: ObjectFault, end_only: bool, way: FaultyWay, file: StoredFile
) -> None:
    file.replace(CONTENT)
    way.faults.append(("GET", fault))
    with file.opened(end_only=end_only) as opened:
        opened.seek(len(CONTENT) - 1000)
        assert opened.read() == CONTENT[-1000:]
    assert not way.faults


def test_what_is_busy_for_longer_is_awaited(way: FaultyWay, file: StoredFile) -> None:
    way.faults += [("PUT", ObjectFault.SLOW_DOWN)] * 4
    file.replace(AFTER, version=ABSENT)
    assert file.content() == AFTER


def test_somebody_elses_write_behind_a_lost_answer_is_a_conflict(way: FaultyWay, file: StoredFile) -> None:
    file.replace(BEFORE)
    version = file.version()
    file.replace(b"theirs")
    way.faults.append(("PUT", ObjectFault.LOST_ANSWER))
    with pytest.raises(ConflictError):
        file.replace(AFTER, version=version)
    assert file.content() == b"theirs"


def test_a_refusal_names_the_file_and_no_credential(
    monkeypatch: pytest.MonkeyPatch, object_server: ObjectServer
) -> None:
    from runs_assets.storage.bucket import Bucket  # noqa: PLC0415

    for name, value in object_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-nobody-sees")
    missing = StoredFile(Bucket("s3://no-such-bucket/data"), "raw_runs/part-0", "tests")
    with pytest.raises(StorageError, match=r"Could not write s3://no-such-bucket/data/raw_runs/part-0: ") as told:
        missing.replace(b"x")
    assert "a-secret" not in str(told.value)
    assert "404" in str(told.value)
