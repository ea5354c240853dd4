"""The file of rotated tokens is its owner's alone, however it, its folder and the umask were before."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs_assets.errors import CredentialsError, StorageError
from runs_assets.http.token_file import RefreshGrant, TokenFile
from runs_assets_tests.files_on_disk import stored_file

GRANT = RefreshGrant("https://host/token", "me", "a-secret", "a-refresh-token")
TOKENS = {"access_token": "access", "refresh_token": "refresh", "expires_at": 1.5}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data/.tokens/productsup.json"


@pytest.fixture(autouse=True)
def _no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_is_closed_to_others(path: Path) -> None:
    TokenFile(stored_file(path), GRANT).save(TOKENS)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert TokenFile(stored_file(path), GRANT).load() == TOKENS
    assert [file.name for file in path.parent.iterdir()] == ["productsup.json"]


def test_saving_closes_what_was_open(path: Path) -> None:
    path.parent.mkdir(mode=0o777, parents=True)
    path.write_text("{}")
    path.chmod(0o666)
    TokenFile(stored_file(path), GRANT).save(TOKENS)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_loading_closes_what_was_open_and_says_so(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    TokenFile(stored_file(path), GRANT).save(TOKENS)
    path.chmod(0o644)
    path.parent.chmod(0o755)
    assert TokenFile(stored_file(path), GRANT).load() == TOKENS
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert "productsup.json could be used by others on this machine (mode 644)" in caplog.text
    assert "set a fresh refresh token" in caplog.text


def test_what_a_killed_process_left_is_not_written_into(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(mode=0o666)
    path.with_suffix(".new").symlink_to(elsewhere)
    TokenFile(stored_file(path), GRANT).save(TOKENS)
    assert elsewhere.read_bytes() == b""
    assert not path.is_symlink()
    assert mode(path) == 0o600


def test_a_leftover_that_others_can_read_does_not_become_the_file(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_suffix(".new").touch(mode=0o666)
    TokenFile(stored_file(path), GRANT).save(TOKENS)
    assert mode(path) == 0o600


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StorageError, match=r"Could not read the rotated tokens in .*productsup\.json"):
        TokenFile(stored_file(path), GRANT).load()


@pytest.mark.parametrize(
    "tokens",
    [
        {"access_token": 5, "refresh_token": "r"},
        {"access_token": "a\nb", "refresh_token": "r"},
        {"access_token": "a"},
        {"access_token": "", "refresh_token": "r"},
        {"access_token": "a", "refresh_token": "\u00e9"},
        {"access_token": "a", "refresh_token": "r", "expires_at": "soon"},
        {"access_token": "a", "refresh_token": "r", "expires_at": [1]},
    ],
)
def test_tokens_that_nothing_could_be_done_with_are_damage(path: Path, tokens: dict[str, object]) -> None:
    file = TokenFile(stored_file(path), GRANT)
    file.save(tokens)
    with pytest.raises(CredentialsError, match="is damaged"):
        file.load()
